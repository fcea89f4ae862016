import type { TriedGrantPage, TriedGrantQuery } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import {
  Chores,
  Clock,
  decodeCursor,
  encodeCursor,
  EventLog,
  LogEvent,
  pageOf,
  ServiceKeys,
  TrustSource,
} from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { GrantMover } from '../opener/grant-mover.js';
import { VaultRefused } from '../vault/vault-requests.js';
import { foundOf, OwnGrants } from './own-grants.js';
import type { TriedRow } from './tried-grants.repository.js';
import { TriedGrantsRepository } from './tried-grants.repository.js';

/** Somebody posted a grant for a key of this responder that does not give the key of its content: it was taken back. */
const UNFIT = new LogEvent<{ prompt: string; version: number; poster: string }>('grant-unfit', 'error');
const TRIAL_PUT_OFF = new LogEvent<{ code: string }>('trying-put-off', 'warn');

const LOOK_EVERY_MS = 10_000;
/** How long before the last pass what came is looked for once more: clocks differ, and transactions take their time. */
const OVERLAP_SECONDS = 120;

/**
 * Opens what others seal to the keys of this responder soon after it came, and takes back what is unfit (protocol.md A16):
 * it would keep the place of a grant that opens, and would be found when somebody asks.
 */
@Injectable()
export class GrantTrialsService {
  /** By key, from which second on what came from others is still to be tried; none before this process tried all of it. */
  readonly #since = new Map<string, number>();
  #takenBack = 0;

  constructor(
    chores: Chores,
    private readonly mover: GrantMover,
    private readonly own: OwnGrants,
    private readonly tried: TriedGrantsRepository,
    private readonly trusted: TrustSource,
    private readonly keys: ServiceKeys,
    private readonly clock: Clock,
    private readonly log: EventLog,
  ) {
    chores.add({ name: 'try-grants', everyMs: LOOK_EVERY_MS, run: () => this.look() });
  }

  /** How many grants this process took back: another may take the place of each. */
  get takenBack(): number {
    return this.#takenBack;
  }

  /** Tries what came for every key of this responder that is here. */
  async look(): Promise<void> {
    const trust = await this.trusted.trustOf(this.keys.org);
    if (trust === undefined) return;
    const kids = this.mover.held(trust, this.keys.urn);
    await this.tried.keepOnly(this.keys.org, kids);
    try {
      for (const kid of kids) await this.tryAll(trust, kid);
    } catch (error) {
      if (!(error instanceof VaultRefused)) throw error;
      this.log.write(TRIAL_PUT_OFF, { code: error.code });
    }
  }

  /**
   * Tries what came for a key since it was looked at last.
   * @returns how many were unfit, and were taken back
   * @throws {VaultRefused}
   */
  async tryAll(trust: Trust, kid: string): Promise<number> {
    const { org } = this.keys;
    const begun = this.clock.now();
    const since = this.#since.get(kid);
    let takenBack = 0;
    const query = since === undefined ? { kid } : { kid, since, by: 'others' as const };
    for await (const page of this.own.pages(trust, query)) {
      const begunMs = this.clock.monotonicMs();
      const known = await this.tried.known(
        org,
        kid,
        page.map(({ whash }) => whash),
      );
      // Whoever posts once more what was taken back would keep the place with it for ever.
      // guard: unfit-posted-again without: const left = page.filter(({ whash }) => !known.has(whash));
      const left = page.filter(({ whash }) => known.get(whash) !== true);
      const found = await this.own.each(left, async (one) => ({
        one,
        fit: known.get(one.whash) ?? (await this.mover.isFit(foundOf(trust, one), trust, this.keys.urn)),
      }));
      for (const { one } of found.filter(({ fit }) => fit === false)) {
        await this.own.takeBack(trust, one);
        this.log.write(UNFIT, { prompt: one.prompt, version: one.version, poster: one.poster });
        takenBack += 1;
        this.#takenBack += 1;
      }
      const rows = found.flatMap(({ one, fit }): TriedRow[] => (fit === undefined ? [] : [{ whash: one.whash, fit }]));
      await this.tried.add(org, kid, rows);
      if (left.length > 0) await this.own.giveWay(this.clock.monotonicMs() - begunMs);
    }
    if (!this.own.isStopping) this.#since.set(kid, Math.max(0, begun - OVERLAP_SECONDS));
    return takenBack;
  }

  /** Keeps that grants are fit, before they are posted: this process made them from one that is. */
  noteMade(kid: string, whashes: readonly string[]): Promise<void> {
    return this.tried.add(
      this.keys.org,
      kid,
      whashes.map((whash) => ({ whash, fit: true })),
    );
  }

  /**
   * One page of what was tried of a key.
   * @throws {Problem} not_found for a key of somebody else
   */
  async list(
    { org, trust, request }: Caller,
    { kid, cursor, limit }: TriedGrantQuery,
  ): Promise<Answer<TriedGrantPage>> {
    // guard: tried-own
    if (trust.holder(kid)?.urn !== this.keys.urn) throw new Problem('not_found');
    const [after] = cursor === undefined ? [] : decodeCursor(cursor, ['string']);
    const rows = await this.tried.list(org, kid, after, limit + 1);
    return pageOf(rows, { limit, item: (row) => row, cursorAfter: ({ whash }) => encodeCursor([whash]), request });
  }
}
