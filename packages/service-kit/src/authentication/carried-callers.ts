import type { Permission } from '@bulla/contract';
import { may } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import type { RequestSignature } from '@bulla/crypto/http';
import type { FastifyRequest } from 'fastify';
import { isOurFault, problemOf } from '../edge/problem-of.js';
import { stateOf } from '../edge/request-state.js';
import type { FailingAddresses } from '../limits/failing-addresses.js';
import type { Clock } from '../process/clock.js';
import { bodyBySchema } from '../route/route-input.js';
import type { RouteEntry } from '../route/route-table.js';
import type { Found } from './holder-search.js';
import type { TrustSource } from './trust-source.js';

export interface CarriedCallersParts {
  readonly source: TrustSource;
  readonly clock: Clock;
  readonly failing: FailingAddresses;
}

/**
 * Callers whom only the documents let in that their request brings. Who stole the key of the directory can revoke every
 * owner and admin, and nobody would be left to bring the root that replaces it (docs/spec/root.md#publishing).
 */
export class CarriedCallers {
  readonly #parts: CarriedCallersParts;

  constructor(parts: CarriedCallersParts) {
    this.#parts = parts;
  }

  /**
   * Whom a request is of by the documents that it brings.
   * @returns undefined where the documents at hand let its signer do this anyway, and where those that it brings do not count
   *   or do not let them: then the documents at hand say what is wrong.
   */
  async find(request: FastifyRequest, signature: RequestSignature, entry: RouteEntry): Promise<Found | undefined> {
    const { source, failing } = this.#parts;
    const { permission } = entry;
    if (!entry.carriesCaller || permission === undefined) return undefined;
    const held = await source.trustOf(signature.org);
    if (held === undefined || this.#holderIn(held, signature, permission) !== undefined) return undefined;
    const state = stateOf(request);
    const carried = await failing.verify(request.ip, state.place, async () => {
      try {
        return await source.carriedBy(signature.org, bodyBySchema(entry, state));
      } catch (error) {
        if (isOurFault(problemOf(error))) throw error;
        return undefined;
      }
    });
    const holder = carried && this.#holderIn(carried, signature, permission);
    return holder && { trust: carried, holder };
  }

  /** The holder of the key that signed, if it may sign requests now and its holder may send this one. */
  #holderIn(trust: Trust, { keyid }: RequestSignature, permission: Permission): Found['holder'] | undefined {
    const holder = trust.holderOfKeyid(keyid);
    if (holder === undefined) return undefined;
    const active = trust.activeKeys(holder.urn, 'http', this.#parts.clock.now());
    const isActive = active.some(({ record }) => record.kid === holder.record.kid);
    // guard: carried-caller without: return holder;
    return isActive && may(holder.entity.roles, permission) ? holder : undefined;
  }
}
