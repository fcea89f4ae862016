import type { OwnGrant } from '@bulla/contract';
import type { Recipient, Trust } from '@bulla/crypto';
import { CryptoError, tokenHash } from '@bulla/crypto';
import { Chores, Clock, EventLog, LogEvent, Metrics, ServiceKeys, TrustSource } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { KeyMove } from '../opener/grant-mover.js';
import { GrantMover } from '../opener/grant-mover.js';
import { VaultRefused } from '../vault/vault-requests.js';
import { GrantTrialsService } from './grant-trials.service.js';
import { foundOf, OwnGrants, subOf } from './own-grants.js';

/** What a pass came to. What is left stays under the older key alone. */
export type Tally = {
  /** Given to the newest key. */
  moved: number;
  /** The newest key had one already: another process was there first. */
  present: number;
  /** Left: of a version that the organisation has withdrawn. */
  withdrawn: number;
  /** Left: it is unfit, of a content that commits to no key, or for something else than the vault says. */
  unopenable: number;
  /** Left: the vault did not take it. */
  refused: number;
  /** Grants of the newest key that were unfit, and were taken back for that. */
  takenBack: number;
};

const MOVED = new LogEvent<Tally & { from: number }>('grants-moved', 'info');
/** The directory lists a newest encryption key of this responder that its key file does not hold. */
const KEY_NOT_HERE = new LogEvent<{ directoryVersion: number }>('encryption-key-not-here', 'error');
const MOVING_PUT_OFF = new LogEvent<{ code: string }>('moving-put-off', 'warn');

const LOOK_EVERY_MS = 5_000;
/** After a pass that left nothing to move, unless the directory changes or something was taken back. */
const LOOK_AGAIN_MS = 60_000;
/** Requests with grants on their way: one is stored while the vault reads the next. */
const POSTS_AT_ONCE = 2;
/** What did not open once is not tried again by this process. */
const REMEMBERED_MAX = 100_000;

/**
 * Moves this responder's grants from its older encryption keys to the newest, so that nobody who wrote a prompt has to
 * do anything. Nothing is kept of where it was: the vault is asked for what the newest key lacks.
 */
@Injectable()
export class GrantMovesService {
  /** `whash` of what is left because it does not open. */
  readonly #unopenable = new Set<string>();
  #warned = 0;
  #quiet: { readonly directory: number; readonly takenBack: number; readonly untilMs: number } | undefined;
  readonly #count;

  constructor(
    chores: Chores,
    metrics: Metrics,
    private readonly mover: GrantMover,
    private readonly own: OwnGrants,
    private readonly trials: GrantTrialsService,
    private readonly trusted: TrustSource,
    private readonly keys: ServiceKeys,
    private readonly clock: Clock,
    private readonly log: EventLog,
  ) {
    this.#count = metrics.counter('bulla_grants_moved_total', 'Grants that were looked at to be moved to a newer key', [
      'outcome',
    ]);
    chores.add({ name: 'move-grants', everyMs: LOOK_EVERY_MS, run: () => this.look() });
  }

  /** Moves what there is to move, if there may be something. */
  async look(): Promise<void> {
    const trust = await this.trusted.trustOf(this.keys.org);
    if (trust === undefined) return;
    const now = this.clock.now();
    this.#warn(trust, now);
    const move = this.mover.keys(trust, this.keys.urn, now);
    if (move === undefined || this.#isQuiet(trust)) return;
    const { takenBack } = this.trials;
    const tally = await this.pass(trust, move);
    if (tally !== undefined && tally.moved + tally.takenBack === 0)
      this.#quiet = {
        directory: trust.directory.version,
        takenBack,
        untilMs: this.clock.monotonicMs() + LOOK_AGAIN_MS,
      };
  }

  /** One pass over all that the newest key lacks. @returns undefined where it did not come to the end */
  async pass(trust: Trust, move: KeyMove): Promise<Tally | undefined> {
    const tally: Tally = { moved: 0, present: 0, withdrawn: 0, unopenable: 0, refused: 0, takenBack: 0 };
    try {
      // What others sealed to the newest key is tried first: one that is unfit keeps its place.
      const takenBack = await this.trials.tryAll(trust, move.newest.record.kid);
      for (let one = 0; one < takenBack; one += 1) this.#noted(tally, 'takenBack');
      for (const kid of move.older) await this.#moveAll(trust, move, kid, tally);
      return tally;
    } catch (error) {
      if (!(error instanceof VaultRefused)) throw error;
      this.log.write(MOVING_PUT_OFF, { code: error.code });
      return undefined;
    } finally {
      const looked = Object.values(tally).reduce((sum, count) => sum + count, 0);
      if (looked > 0) this.log.write(MOVED, { ...tally, from: move.older.length });
    }
  }

  /** What pages came to is posted while the next ones are opened. */
  async #moveAll(trust: Trust, { newest }: KeyMove, kid: string, tally: Tally): Promise<void> {
    const posting: Promise<void>[] = [];
    for await (const page of this.own.pages(trust, { kid, without: newest.record.kid })) {
      const begunMs = this.clock.monotonicMs();
      const made = await this.own.each(page, (one) => this.#made(trust, newest, one, tally));
      const grants = made.filter((grant) => grant !== undefined);
      if (posting.length >= POSTS_AT_ONCE) await posting.shift();
      const post = this.#post(trust, newest, grants, tally);
      // Where it fails, that is seen when it is its turn.
      post.catch(() => {});
      posting.push(post);
      await this.own.giveWay(this.clock.monotonicMs() - begunMs);
    }
    for (const post of posting) await post;
  }

  async #made(trust: Trust, newest: Recipient, one: OwnGrant, tally: Tally): Promise<string | undefined> {
    if (trust.isWithdrawn(subOf(trust, one), one.version)) return this.#noted(tally, 'withdrawn');
    if (this.#unopenable.has(one.whash)) return this.#noted(tally, 'unopenable');
    try {
      return await this.mover.move(foundOf(trust, one), trust, this.keys.urn, newest);
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      this.#remember(one.whash);
      return this.#noted(tally, 'unopenable');
    }
  }

  async #post(trust: Trust, { record }: Recipient, grants: readonly string[], tally: Tally): Promise<void> {
    if (grants.length === 0) return;
    await this.trials.noteMade(record.kid, await Promise.all(grants.map(tokenHash)));
    const { results } = await this.own.move(trust, grants);
    for (const { outcome } of results)
      this.#noted(tally, outcome === 'added' ? 'moved' : outcome === 'present' ? 'present' : 'refused');
  }

  #isQuiet({ directory }: Trust): boolean {
    const quiet = this.#quiet;
    return (
      quiet !== undefined &&
      quiet.directory === directory.version &&
      quiet.takenBack === this.trials.takenBack && // guard: moves-follow-trials
      this.clock.monotonicMs() < quiet.untilMs
    );
  }

  /** Said once for each directory. */
  #warn(trust: Trust, now: number): void {
    const { version: directoryVersion } = trust.directory;
    if (this.#warned === directoryVersion || !this.mover.lacksNewest(trust, this.keys.urn, now)) return;
    this.#warned = directoryVersion;
    this.log.write(KEY_NOT_HERE, { directoryVersion });
  }

  #noted(tally: Tally, outcome: keyof Tally): undefined {
    tally[outcome] += 1;
    this.#count.inc({ outcome });
  }

  #remember(whash: string): void {
    if (this.#unopenable.size < REMEMBERED_MAX) this.#unopenable.add(whash);
  }
}
