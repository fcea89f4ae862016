import type { Trust } from '@bulla/crypto';
import { CryptoError, verifyReplyCheckpoint } from '@bulla/crypto';
import { EventLog, LogEvent, NewestCheckpoint, ServiceKeys } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';

/** Askers would refuse it: the directory does not list the key that signed it, or the database holds something else. */
const CHECKPOINT_NOT_TOLD = new LogEvent<{ code: string; check: string }>('checkpoint-not-told', 'warn');

interface Judged {
  readonly note: string;
  /** Hash of the directory by which it was judged. */
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
  ) {}

  /** @param trust what the answer names. @returns undefined before the first, and where an asker would refuse it */
  under(trust: Trust): Promise<string | undefined> {
    const { note } = this.newest;
    if (note === undefined) return Promise.resolve(note);
    const directory = trust.directoryRef.hash;
    if (this.#judged?.note !== note || this.#judged.directory !== directory)
      this.#judged = { note, directory, good: this.#judge(note, trust) };
    return this.#judged.good;
  }

  async #judge(note: string, trust: Trust): Promise<string | undefined> {
    try {
      // guard: checkpoint-told-good
      await verifyReplyCheckpoint(note, { trust, responder: this.keys.urn });
      return note;
    } catch (error) {
      // An answer is worth more than what it says of the log: it goes out without.
      const { code, check = '' } = error instanceof CryptoError ? error : { code: 'internal' };
      this.log.write(CHECKPOINT_NOT_TOLD, { code, check });
      return undefined;
    }
  }
}
