import { Problem } from '@bulla/contract';
import { urnOf } from '@bulla/crypto';
import type { WrapContext } from '@bulla/crypto/open';
import { kekId } from '@bulla/crypto/open';
import { brokenConstraint, Clock, EventLog, LogEvent } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { JobKind, Step } from '../jobs/job-runner.js';
import { JobRunner } from '../jobs/job-runner.js';
import type { JobRow } from '../jobs/jobs.repository.js';
import type { KekRow } from '../keyring/keks.repository.js';
import { KeksRepository } from '../keyring/keks.repository.js';
import { Keyring } from '../keyring/keyring.js';
import type { BoundWrap, Place, Rewrapped } from './kek-rewrap.repository.js';
import { BEGINNING, KekRewrapRepository } from './kek-rewrap.repository.js';

/** Few enough that requests do not wait for long behind them, and enough that a statement is worth it. */
const BATCH = 256;

/** Its wrap was changed, or moved from another row: people have to look. */
const DATA_KEY_UNOPENED = new LogEvent<{ prompt: string; version: number; kek: number }>('data-key-unopened', 'error');

interface Pass {
  readonly after: Place;
  readonly moved: number;
}

/**
 * Replaces the KEK of an organisation: a new one is made, becomes the active one, and every data key goes under it. A job
 * that is done again from any point does what is left.
 */
@Injectable()
export class KekRotation implements JobKind {
  readonly what = 'kek';
  /** How far this process has come. */
  private readonly passes = new Map<string, Pass>();

  constructor(
    private readonly keks: KeksRepository,
    private readonly keyring: Keyring,
    private readonly rows: KekRewrapRepository,
    private readonly clock: Clock,
    private readonly log: EventLog,
    jobs: JobRunner,
  ) {
    jobs.add(this);
  }

  async step(job: JobRow): Promise<Step> {
    const { org, target } = job;
    if (target === null) return this.begin(org);
    const version = Number(target.slice(target.lastIndexOf(':') + 1));
    const active = await this.activated(org, version);
    const pass = this.passes.get(job.id) ?? { after: BEGINNING, moved: 0 };
    const wraps = await this.rows.next(org, active.version, pass.after, BATCH);
    const last = wraps.at(-1);
    if (last === undefined) return this.endOf(job, pass);
    const moved = await this.rewrap(active, wraps);
    this.passes.set(job.id, { after: last, moved: pass.moved + moved });
    return { done: moved };
  }

  /** The version is put down before anything is under it: a step that is done twice makes no second one. */
  private async begin(org: string): Promise<Step> {
    const version = await this.keyring.prepare(org);
    return { target: kekId(org, version), total: await this.rows.all(org) };
  }

  private async activated(org: string, version: number): Promise<KekRow> {
    const active = await this.keks.active(org);
    if (active !== undefined && active.version >= version) return active;
    await this.keks.activate(org, version, this.clock.nowMs());
    const now = await this.keks.active(org);
    if (now === undefined) throw new Problem('internal');
    return now;
  }

  /** What was passed over is looked for once more; what does not open is left where it is, and the job says so. */
  private async endOf(job: JobRow, { moved }: Pass): Promise<Step> {
    this.passes.delete(job.id);
    if ((await this.rows.pending(job.org)) > 0) return moved > 0 ? { done: 0 } : { waitsFor: 'internal' };
    await this.keks.noteEmpty();
    return 'ended';
  }

  private async rewrap(active: KekRow, wraps: readonly BoundWrap[]): Promise<number> {
    const versions = new Set(wraps.map(({ kek_version }) => kek_version));
    const keks = new Map<number, KekRow>();
    for (const version of versions) {
      const kek = await this.keks.find(active.org, version);
      if (kek !== undefined) keks.set(version, kek);
    }
    const moved = await Promise.all(wraps.map((row) => this.rewrapOne(active, keks.get(row.kek_version), row)));
    try {
      const rows = moved.filter((row) => row !== undefined);
      return rows.length === 0 ? 0 : await this.rows.move(active.org, active.version, rows);
    } catch (error) {
      // It was replaced once more: the next step goes on with its successor.
      if (brokenConstraint(error) === 'kek_wrap_under_active') return 0;
      throw error;
    }
  }

  /** @returns undefined for a data key that does not open */
  private async rewrapOne(active: KekRow, kek: KekRow | undefined, row: BoundWrap): Promise<Rewrapped | undefined> {
    const { prompt_id, version, kek_version } = row;
    // Used up, or replaced: the next step finds out.
    if (kek === undefined || !(await this.keyring.count(active))) return undefined;
    const context = contextOf(kek.org, row);
    const dek = await this.opened(kek, row, context);
    if (dek === undefined) return undefined;
    try {
      return { prompt_id, version, kek_version, wrap: await this.keyring.seal(active, dek, context) };
    } finally {
      dek.fill(0);
    }
  }

  private async opened(
    kek: KekRow,
    { wrap, prompt_id }: BoundWrap,
    context: WrapContext,
  ): Promise<Uint8Array | undefined> {
    try {
      return await this.keyring.open(kek, wrap, context);
    } catch (error) {
      if (!(error instanceof Problem && error.code === 'internal')) throw error;
      this.log.write(DATA_KEY_UNOPENED, { prompt: prompt_id, version: context.ver, kek: kek.version });
      return undefined;
    }
  }
}

/** What the wrap of a version is bound to. */
export function contextOf(
  org: string,
  { prompt_id, version, dek_id, chash, dkc }: Omit<BoundWrap, 'wrap' | 'kek_version'>,
): WrapContext {
  return { org, sub: urnOf(org, 'prompt', prompt_id), ver: version, dek: dek_id, chash, dkc: dkc ?? undefined };
}
