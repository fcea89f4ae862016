import { Problem } from '@bulla/contract';
import { Chores, Clock, EventLog, LogEvent } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { JobTrouble } from '../../database/key-types.js';
import { RootKeys } from '../root-key/root-keys.js';
import type { JobRow } from './jobs.repository.js';
import { JobsRepository } from './jobs.repository.js';
import { Pace } from './pace.js';

const JOB_ENDED = new LogEvent<{ job: string; what: string; durationMs: number; done: number }>('job-ended', 'info');
const JOB_WAITS = new LogEvent<{ job: string; what: string; why: string }>('job-waits', 'warn');

const EVERY_MS = 1_000;
/** How long one process is at it before another may, and before it looks for new jobs. */
const TURN_MS = 2_000;

/** What one step came to. */
export type Step =
  | { readonly done: number }
  | { readonly waitsFor: JobTrouble }
  | { readonly target: string; readonly total: number }
  | 'ended';

/**
 * How a kind of job is done: one step at a time, each of which leaves all as it has to be, so that a process may end
 * between any two of them, and another does the next.
 */
export interface JobKind {
  readonly what: JobRow['what'];
  step(job: JobRow): Promise<Step>;
}

/** Does jobs: a chore, so one process of all at a time; the others go on where it ended. */
@Injectable()
export class JobRunner {
  private readonly kinds = new Map<JobRow['what'], JobKind>();

  constructor(
    private readonly jobs: JobsRepository,
    private readonly clock: Clock,
    private readonly log: EventLog,
    private readonly pace: Pace,
    roots: RootKeys,
    chores: Chores,
  ) {
    // Without a root key there is nothing to be done.
    if (roots.any) chores.add({ name: 'run-jobs', everyMs: EVERY_MS, run: () => this.run() });
  }

  /** Rooms bring what they do when they are made. */
  add(kind: JobKind): void {
    this.kinds.set(kind.what, kind);
  }

  /** Works on all jobs for a while, each in its turn. */
  async run(): Promise<void> {
    const untilMs = this.clock.monotonicMs() + TURN_MS;
    for (let open = await this.jobs.open(); open.length > 0; open = await this.jobs.open()) {
      const went = [];
      for (const job of open) went.push(await this.stepOf(job));
      if (!went.includes(true) || this.clock.monotonicMs() > untilMs) return;
    }
  }

  /** @returns whether it can go on at once */
  private async stepOf(job: JobRow): Promise<boolean> {
    const kind = this.kinds.get(job.what);
    if (kind === undefined) return false;
    const step = await this.pace.keep(() => this.taken(kind, job));
    if (step === 'ended') {
      await this.jobs.end(job, this.clock.nowMs());
      const durationMs = this.clock.nowMs() - job.created_at.getTime();
      this.log.write(JOB_ENDED, { job: job.id, what: job.what, durationMs, done: job.done });
      return false;
    }
    if ('waitsFor' in step) {
      if (job.trouble !== step.waitsFor) this.log.write(JOB_WAITS, { job: job.id, what: job.what, why: step.waitsFor });
      await this.jobs.wait(job, step.waitsFor);
      return false;
    }
    if ('target' in step) await this.jobs.aim(job, step.target, step.total);
    else await this.jobs.count(job, step.done);
    return true;
  }

  /** What a person can do something about is said of the job; a database that does not answer is the chore's to say. */
  private async taken(kind: JobKind, job: JobRow): Promise<Step> {
    try {
      return await kind.step(job);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const { code } = error;
      return { waitsFor: code === 'sealed' || code === 'overloaded' ? code : 'internal' };
    }
  }
}
