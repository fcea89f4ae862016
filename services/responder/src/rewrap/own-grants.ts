import type { MovedGrants, OwnGrant, OwnGrantPage, RouteQuery } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { urnOf } from '@bulla/crypto';
import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunsInFlight } from '../invocations/runs-in-flight.js';
import type { FoundGrant } from '../opener/grant-mover.js';
import { VaultRefused } from '../vault/vault-requests.js';
import { VaultGrants } from './vault-grants.js';

/** As many as one request takes. */
const BATCH = 64;
/** Operations with private keys at once: the threads of Node's pool. */
const AT_ONCE = 4;
/** While runs are at work a batch is followed by a rest: of its own length for each of so many runs. */
const REST_RUNS_MAX = 4;

/** Goes through this responder's grants, page by page, as patient as its vault asks, and gives way to runs. */
@Injectable()
export class OwnGrants {
  constructor(
    private readonly vault: VaultGrants,
    private readonly runs: RunsInFlight,
  ) {}

  async *pages(
    trust: Trust,
    query: Pick<RouteQuery<'grant.collect'>, 'kid' | 'without' | 'since' | 'by'>,
  ): AsyncGenerator<readonly OwnGrant[]> {
    const ask = (cursor?: string) => {
      const asked = { ...query, limit: BATCH, ...(cursor !== undefined && { cursor }) };
      const page = this.#patiently(() => this.vault.collect(trust, asked as never));
      // Where the service ends meanwhile nobody waits for it.
      page.catch(() => {});
      return page;
    };
    let next: ReturnType<typeof ask> | undefined = ask();
    while (next !== undefined && !this.runs.stopping.aborted) {
      const page: OwnGrantPage = await next;
      // A page without grants and with a cursor would be asked for without end.
      // guard: moves-end without: const cursor = page.next_cursor ?? undefined;
      const cursor = page.data.length > 0 ? (page.next_cursor ?? undefined) : undefined;
      // While this one is worked at the vault finds the one after it.
      next = cursor === undefined ? undefined : ask(cursor);
      yield page.data;
    }
  }

  /** Does work for each, so many at a time; one at a time while runs are at work. */
  async each<One, Made>(all: readonly One[], work: (one: One) => Promise<Made>): Promise<Made[]> {
    const made: Made[] = [];
    const left = all.entries();
    const next = async () => {
      for (const [index, one] of left) made[index] = await work(one);
    };
    await Promise.all(Array.from({ length: this.runs.count > 0 ? 1 : AT_ONCE }, next));
    return made;
  }

  /** Posts grants for a further key. */
  move(trust: Trust, grants: readonly string[]): Promise<MovedGrants> {
    return this.#patiently(() => this.vault.move(trust, grants));
  }

  /** Takes back a grant that is unfit, and says so. */
  takeBack(trust: Trust, one: OwnGrant): Promise<void> {
    return this.#patiently(() => this.vault.takeBack(trust, one));
  }

  /** Whether the service ends: then nothing that was begun came to its end. */
  get isStopping(): boolean {
    return this.runs.stopping.aborted;
  }

  /** Runs come first. @throws {VaultRefused} when the service stops */
  async giveWay(tookMs: number): Promise<void> {
    const { count } = this.runs;
    if (count > 0) await this.#rest(tookMs * Math.min(count, REST_RUNS_MAX));
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

  /** @throws {VaultRefused} when the service stops */
  async #rest(ms: number): Promise<void> {
    await sleep(ms, undefined, { ref: false, signal: this.runs.stopping }).catch(() => {
      throw new VaultRefused('busy');
    });
  }
}

export function subOf(trust: Trust, { prompt }: OwnGrant): string {
  return urnOf(trust.org, 'prompt', prompt);
}

export function foundOf(trust: Trust, one: OwnGrant): FoundGrant {
  return { grant: one.grant, header: one.header, kid: one.kid, sub: subOf(trust, one), version: one.version };
}
