import { may, Problem } from '@bulla/contract';
import type { SignedRouteName } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import type { RequestSignature } from '@bulla/crypto/http';
import { CryptoError } from '@bulla/crypto';
import { checkSignatureTimes, verifyRequestSignature } from '@bulla/crypto/http';
import type { FastifyRequest } from 'fastify';
import type { Caller } from './caller.js';
import { CarriedCallers } from './carried-callers.js';
import type { Clock } from '../process/clock.js';
import type { Credential } from './credential.js';
import { HolderSearch } from './holder-search.js';
import type { FailingAddresses } from '../limits/failing-addresses.js';
import { isOurFault, problemOf } from '../edge/problem-of.js';
import type { RateLimits } from '../limits/rate-limits.js';
import { ReadNonces } from './read-nonces.js';
import type { Authorities } from '../edge/request-parts.js';
import { stateOf } from '../edge/request-state.js';
import type { RequestState } from '../edge/request-state.js';
import { entryOf } from '../route/route-table.js';
import type { RouteEntry } from '../route/route-table.js';
import { provenBy, requirePoints, signatureOf } from './signed-request.js';
import type { TrustSource } from './trust-source.js';

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const CHECK = 'request-key';

export interface SignatureParts {
  readonly source: TrustSource;
  readonly authorities: Authorities;
  readonly clock: Clock;
  readonly failing: FailingAddresses;
  readonly limits: RateLimits;
}

/**
 * Who signed a request by a key of the directory, in the order of protocol.md §5: shape, keyid, signature, times, state of
 * the key; did they ask too often; may they.
 */
export class HttpSignature implements Credential {
  readonly #authorities: Authorities;
  readonly #clock: Clock;
  readonly #failing: FailingAddresses;
  readonly #limits: RateLimits;
  readonly #search: HolderSearch;
  readonly #carried: CarriedCallers;
  readonly #readNonces: ReadNonces;

  constructor({ source, authorities, clock, failing, limits }: SignatureParts) {
    this.#search = new HolderSearch(source, clock);
    this.#carried = new CarriedCallers({ source, clock, failing });
    this.#authorities = authorities;
    this.#clock = clock;
    this.#failing = failing;
    this.#limits = limits;
    this.#readNonces = new ReadNonces(clock);
  }

  async judge(request: FastifyRequest, entry: RouteEntry): Promise<void> {
    const caller = await this.authenticate(request, entry.name as SignedRouteName);
    await requirePoints(this.#limits, caller, request);
    requireOwnOrganisation(caller, request);
    requirePermission(caller, entry);
  }

  /**
   * The caller of a request. From the moment the signature is verified, whatever is answered is signed too.
   * @param route says by which documents its caller is judged.
   * @throws {Problem} unauthenticated, validation_failed
   * @throws {CryptoError} unauthenticated, token_malformed, signature_invalid, clock_skew, key_unknown, key_revoked,
   *   suite_unknown, trust_expired
   */
  async authenticate(request: FastifyRequest, route: SignedRouteName): Promise<Caller> {
    try {
      return await this.#establish(request, route);
    } catch (error) {
      const isEstablished = await this.#mayAnswer(stateOf(request));
      if (!isEstablished && !isOurFault(problemOf(error))) await this.#failing.count(request.ip);
      throw error;
    }
  }

  /** Whether somebody is there to be answered. Who sends old signatures without end becomes a stranger. */
  async #mayAnswer(state: RequestState): Promise<boolean> {
    const { verified } = state;
    if (
      verified !== undefined &&
      (await this.#limits.maySignRefusal(verified.trust.org, verified.kid)) // guard: request-stale
    )
      return true;
    delete state.verified;
    return false;
  }

  async #establish(request: FastifyRequest, route: SignedRouteName): Promise<Caller> {
    const state = stateOf(request);
    const signature = signatureOf(request, this.#authorities);
    const carried = await this.#carried.find(request, signature, entryOf(route));
    const { trust, holder } =
      carried ??
      (await this.#search.find(signature, state.place, (documents) => isCounting(documents, route, this.#clock.now())));
    // guard: request-signature without:
    //   const authority = this.#authorities.choose(request.headers.host);
    //   const forged = { method: 'GET', authority, path: '/', query: '?', signature: ':AAAA:' };
    //   const summary = await this.#failing.verify(request.ip, state.place, () => Promise.resolve(forged));
    const summary = await this.#failing.verify(request.ip, state.place, () =>
      verifyRequestSignature(signature, holder.record),
    );
    const now = this.#clock.now();
    // guard: request-key-state
    trust.requireKey(signature.kid, { usage: 'http', purpose: 'http', now, check: CHECK });
    state.verified = { summary, trust, kid: signature.kid };
    // guard: request-times
    checkSignatureTimes(signature, now, trust.policy.max_skew);
    requireCounting(trust, route, now);
    this.#requireNewRead(request.method, signature);
    state.caller = Object.freeze({
      org: trust.org,
      urn: holder.urn,
      kid: signature.kid,
      keyid: signature.keyid,
      kind: holder.entity.kind,
      roles: holder.entity.roles,
      groups: trust.groupsOf(holder.urn),
      user: trust.userOf(holder.urn),
      trust,
      ...(await provenBy(signature, request, route)),
    });
    return state.caller;
  }

  /** An attacker who captured a read gets no second answer here. The replay takes no points of the signer. */
  #requireNewRead(method: string, { keyid, nonce, expires }: RequestSignature): void {
    // guard: read-nonce
    if (READS.has(method) && !this.#readNonces.tryUse(keyid, nonce, expires))
      throw new Problem('unauthenticated', { detail: 'this signature was used already' });
  }
}

function isCounting(trust: Trust, route: SignedRouteName, now: number): boolean {
  try {
    requireCounting(trust, route, now);
    return true;
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}

/** @throws {CryptoError} trust_expired */
function requireCounting(trust: Trust, route: SignedRouteName, now: number): void {
  const { judgedBy } = entryOf(route);
  if (judgedBy === 'expired') return;
  // guard: request-unexpired without: if (judgedBy === 'unconfirmed') return;
  if (judgedBy === 'unconfirmed') return trust.requireUnexpired(now);
  // guard: request-fresh
  trust.requireFresh(now);
}

/** What is not yours is not found, no matter who you are elsewhere. */
function requireOwnOrganisation(caller: Caller, request: FastifyRequest): void {
  const { org } = request.params as { org?: unknown };
  // guard: own-organisation
  if (org !== undefined && org !== caller.org) throw new Problem('not_found');
}

function requirePermission(caller: Caller, { permission }: RouteEntry): void {
  // guard: permission
  if (permission === undefined || !may(caller.roles, permission)) throw new Problem('forbidden');
}
