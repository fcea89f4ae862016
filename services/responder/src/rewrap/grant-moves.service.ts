import type { OwnGrant, OwnGrantPage } from '@bulla/contract';
import type { Recipient, Trust } from '@bulla/crypto';
import { CryptoError, urnOf } from '@bulla/crypto';
import { Chores, Clock, EventLog, LogEvent, Metrics, ServiceKeys, TrustSource } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunsInFlight } from '../invocations/runs-in-flight.js';
import type { FoundGrant, KeyMove } from '../opener/grant-mover.js';
import { GrantMover } from '../opener/grant-mover.js';
import { VaultRefused } from '../vault/vault-requests.js';
import { VaultGrants } from './vault-grants.js';

/** What a pass came to. What is left stays under the older key alone. */
export type Tally = {
  /** Given to the newest key. */
  moved: number;
  /** The newest key had one already: another process was there first. */
  present: number;
  /** Left: of a version that the organisation has withdrawn. */
  withdrawn: number;
  /** Left: it does not open, or is for something else than the vault says. */
  unopenable: number;
  /** Left: the vault did not take it. */
  refused: number;
  /** Grants of the newest key that did not open, and were taken back for that. */
  takenBack: number;
};

const MOVED = new LogEvent<Tally & { from: number }>('grants-moved', 'info');
/** The directory lists a newest encryption key of this responder that its key file does not hold. */
const KEY_NOT_HERE = new LogEvent<{ directoryVersion: number }>('encryption-key-not-here', 'error');
const MOVING_PUT_OFF = new LogEvent<{ code: string }>('moving-put-off', 'warn');

const LOOK_EVERY_MS = 5_000;
/** After a pass that left nothing to move, unless the directory changes. */
const LOOK_AGAIN_MS = 60_000;
/** As many as one request takes. */
const BATCH = 64;
/** Operations with private keys at once: the threads of Node's pool. */
const AT_ONCE = 4;
/** Requests with grants on their way: one is stored while the vault reads the next. */
const POSTS_AT_ONCE = 2;
/** While runs are at work a batch is followed by a rest: of its own length for each of so many runs. */
const REST_RUNS_MAX = 4;
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
  /** `kid` of the newest key whose grants by others were all tried. */
  #tried: string | undefined;
  #warned = 0;
  #quiet: { readonly directory: number; readonly untilMs: number } | undefined;
  readonly #count;

  constructor(
    chores: Chores,
    metrics: Metrics,
    private readonly mover: GrantMover,
    private readonly vault: VaultGrants,
    private readonly runs: RunsInFlight,
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
    const tally = await this.pass(trust, move);
    if (tally !== undefined && tally.moved + tally.takenBack === 0)
      this.#quiet = { directory: trust.directory.version, untilMs: this.clock.monotonicMs() + LOOK_AGAIN_MS };
  }

  /** One pass over all that the newest key lacks. @returns undefined where it did not come to the end */
  async pass(trust: Trust, move: KeyMove): Promise<Tally | undefined> {
    const tally: Tally = { moved: 0, present: 0, withdrawn: 0, unopenable: 0, refused: 0, takenBack: 0 };
    try {
      // What others sealed to the newest key is tried first: one that does not open keeps its place.
      if (this.#tried !== move.newest.record.kid) await this.#tryForeign(trust, move, tally);
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
    for await (const page of this.#pages(trust, { kid, without: newest.record.kid })) {
      const begunMs = this.clock.monotonicMs();
      const made = await this.#each(page, (one) => this.#made(trust, newest, one, tally));
      const grants = made.filter((grant) => grant !== undefined);
      if (posting.length >= POSTS_AT_ONCE) await posting.shift();
      const post = this.#post(trust, grants, tally);
      // Where it fails, that is seen when it is its turn.
      post.catch(() => {});
      posting.push(post);
      await this.#giveWay(this.clock.monotonicMs() - begunMs);
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

  async #post(trust: Trust, grants: readonly string[], tally: Tally): Promise<void> {
    if (grants.length === 0) return;
    const { results } = await this.#patiently(() => this.vault.move(trust, grants));
    for (const { outcome } of results)
      this.#noted(tally, outcome === 'added' ? 'moved' : outcome === 'present' ? 'present' : 'refused');
  }

  /** Takes back what somebody else sealed to the newest key and it does not open: then the older one's can be moved. */
  async #tryForeign(trust: Trust, { newest }: KeyMove, tally: Tally): Promise<void> {
    const own = new Set(trust.entity(this.keys.urn)?.keys.map(({ kid }) => kid));
    for await (const page of this.#pages(trust, { kid: newest.record.kid })) {
      const begunMs = this.clock.monotonicMs();
      const foreign = page.filter(({ poster }) => !own.has(poster));
      const bad = await this.#each(foreign, async (one) => {
        try {
          await this.mover.tryOpen(foundOf(trust, one), trust, this.keys.urn);
          return undefined;
        } catch (error) {
          if (error instanceof CryptoError) return one;
          throw error;
        }
      });
      for (const one of bad.filter((each) => each !== undefined)) {
        await this.#patiently(() => this.vault.takeBack(trust, one));
        this.#noted(tally, 'takenBack');
      }
      if (foreign.length > 0) await this.#giveWay(this.clock.monotonicMs() - begunMs);
    }
    this.#tried = newest.record.kid;
  }

  async *#pages(trust: Trust, query: { kid: string; without?: string }): AsyncGenerator<readonly OwnGrant[]> {
    const ask = async (cursor?: string) => {
      const asked = { ...query, limit: BATCH, ...(cursor !== undefined && { cursor }) };
      return this.#patiently(() => this.vault.collect(trust, asked as never));
    };
    let next: ReturnType<typeof ask> | undefined = ask();
    while (next !== undefined && !this.runs.stopping.aborted) {
      const page: OwnGrantPage = await next;
      // A page without grants and with a cursor would be asked for without end.
      // guard: moves-end without: const cursor = page.next_cursor ?? undefined;
      const cursor = page.data.length > 0 ? (page.next_cursor ?? undefined) : undefined;
      // While this one is worked at the vault finds the one after it.
      next = cursor === undefined ? undefined : ask(cursor);
      next?.catch(() => {});
      yield page.data;
    }
  }

  /** Does work for each, so many at a time; one at a time while runs are at work. */
  async #each<One, Made>(all: readonly One[], work: (one: One) => Promise<Made>): Promise<Made[]> {
    const made: Made[] = [];
    const left = all.entries();
    const next = async () => {
      for (const [index, one] of left) made[index] = await work(one);
    };
    await Promise.all(Array.from({ length: this.runs.count > 0 ? 1 : AT_ONCE }, next));
    return made;
  }

  /** Does as the vault asks that has too much to do, as long as it asks. */
  async #patiently<Value>(work: () => Promise<Value>): Promise<Value> {
    for (;;)
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof VaultRefused) || error.waitMs === undefined) throw error;
        await this.#rest(error.waitMs);
      }
  }

  /** Runs come first. */
  async #giveWay(tookMs: number): Promise<void> {
    const { count } = this.runs;
    if (count > 0) await this.#rest(tookMs * Math.min(count, REST_RUNS_MAX));
  }

  /** @throws {VaultRefused} when the service stops */
  async #rest(ms: number): Promise<void> {
    await sleep(ms, undefined, { ref: false, signal: this.runs.stopping }).catch(() => {
      throw new VaultRefused('busy');
    });
  }

  #isQuiet({ directory }: Trust): boolean {
    const { directory: of, untilMs } = this.#quiet ?? { directory: 0, untilMs: 0 };
    return of === directory.version && this.clock.monotonicMs() < untilMs;
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

function subOf(trust: Trust, { prompt }: OwnGrant): string {
  return urnOf(trust.org, 'prompt', prompt);
}

function foundOf(trust: Trust, one: OwnGrant): FoundGrant {
  return { grant: one.grant, header: one.header, kid: one.kid, sub: subOf(trust, one), version: one.version };
}
