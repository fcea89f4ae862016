import { ClockDrift, databaseFault, EventLog, LogEvent, PROBE_FAILED, ServiceKeys } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import type { Mark } from './restore-mark.repository.js';
import { RestoreMarkRepository } from './restore-mark.repository.js';

/** The clock of the database was wrong when it was marked: runs would have stood still for as long as it was ahead. */
const RESTORE_TIME_CORRECTED = new LogEvent<{ org: string; notBefore: number }>('restore-time-corrected', 'error');
/** A restored or promoted database: what was issued earlier than `notBefore`, in seconds, is not run (protocol.md §6). */
const DATABASE_REPLACED = new LogEvent<{ org: string; notBefore: number }>('database-replaced', 'error');

/**
 * Notices that the database was restored, or that a standby took over: what was spent since is forgotten there, so what
 * was issued before that is not run (protocol.md §6). Asked at the start, and by every claim that finds no mark of ours, or
 * an older one than this process has worked with: then the database is one that had been left for another.
 */
@Injectable()
export class RestoreGuard implements OnApplicationBootstrap {
  /** The newest mark that this process has worked with, in whatever database. */
  private newest: Mark | undefined;

  constructor(
    private readonly marks: RestoreMarkRepository,
    private readonly keys: ServiceKeys,
    private readonly drift: ClockDrift,
    private readonly log: EventLog,
  ) {}

  /** A database that does not answer now, or whose clock is not ours, is looked at by the first claim. */
  async onApplicationBootstrap(): Promise<void> {
    try {
      // A mark that a wrong clock dates would let through what was issued before it.
      // guard: mark-drifted
      if (await this.drift.look()) return;
      await this.renew();
    } catch (error) {
      this.log.write(PROBE_FAILED, { probe: 'restore', errorCode: databaseFault(error)?.code ?? 'unknown' });
    }
  }

  /** The newest mark that this process has worked with; undefined before the first. */
  known(): Mark | undefined {
    return this.newest;
  }

  /**
   * Whether a mark is the newest that this process has seen, which it is remembered as then. After a failover and back,
   * the mark of the first database is good where it stands, and still everything since is forgotten there.
   */
  isNewest(mark: Mark | undefined): boolean {
    if (mark === undefined) return false;
    const { newest } = this;
    if (newest !== undefined && mark.generation <= newest.generation && mark.id !== newest.id) return false;
    this.newest = mark;
    return true;
  }

  /**
   * Marks a database that does not bear our mark, or an older one; one that bore another is an error in the log. A mark
   * that lies ahead was made by a clock that was wrong: runs would stand still until that time.
   */
  async renew(): Promise<void> {
    const { org } = this.keys;
    const corrected = await this.marks.correct(org);
    if (corrected !== undefined) this.log.write(RESTORE_TIME_CORRECTED, { org, notBefore: corrected });
    const renewed = await this.marks.renew(org, this.newest);
    if (renewed === undefined) return;
    this.newest = renewed.mark;
    if (!renewed.isNew) this.log.write(DATABASE_REPLACED, { org, notBefore: renewed.notBefore });
  }
}
