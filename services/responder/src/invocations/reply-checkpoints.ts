import type { Trust } from '@bulla/crypto';
import { CryptoError, verifyReplyCheckpoint } from '@bulla/crypto';
import { Chores, EventLog, LogEvent, NewestCheckpoint, ServiceKeys } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';

/** Askers would refuse it: the directory does not list the key that signed it, or the database holds something else. */
const CHECKPOINT_NOT_TOLD = new LogEvent<{ code: string; check: string }>('checkpoint-not-told', 'warn');
/** What signs the log. */
const SIGNING = 'write-audit-log';

interface Judged {
  /** Notes of our logs, the highest number first. */
  readonly notes: string;
  /** Hash of the directory by which they were judged. */
  readonly directory: string;
  readonly good: Promise<string | undefined>;
}

/** The checkpoint of our own log that an answer carries: judged as its asker will judge it, once for all answers. */
@Injectable()
export class ReplyCheckpoints {
  #judged: Judged | undefined;

  constructor(
    private readonly newest: NewestCheckpoint,
    private readonly keys: ServiceKeys,
    private readonly log: EventLog,
    private readonly chores: Chores,
  ) {}

  /**
   * The newest whose key the directory lists.
   * @param trust what the answer names.
   * @returns undefined where an asker would refuse each
   */
  async under(trust: Trust): Promise<string | undefined> {
    // Somebody asks a service that is not ready yet.
    if (this.newest.notes.length === 0) await this.chores.do(SIGNING);
    const notes = this.newest.notes.join('\n');
    const directory = trust.directoryRef.hash;
    if (this.#judged?.notes !== notes || this.#judged.directory !== directory)
      this.#judged = { notes, directory, good: this.#judge(trust) };
    return this.#judged.good;
  }

  async #judge(trust: Trust): Promise<string | undefined> {
    let why: { code: string; check: string } | undefined;
    for (const note of this.newest.notes) {
      try {
        // guard: checkpoint-told-good
        await verifyReplyCheckpoint(note, { trust, responder: this.keys.urn });
        return note;
      } catch (error) {
        const { code, check = '' } = error instanceof CryptoError ? error : { code: 'internal' };
        why ??= { code, check };
      }
    }
    // An answer is worth more than what it says of the log: it goes out without.
    if (why !== undefined) this.log.write(CHECKPOINT_NOT_TOLD, why);
    return undefined;
  }
}
