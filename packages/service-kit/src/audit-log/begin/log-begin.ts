import { decodeUtf8, utf8 } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { EMPTY_FRONTIER, leafHash, noteKeyOf, signCheckpoint } from '@bulla/crypto/log';
import { auditOfService } from '../../audit/audit-record.js';
import type { Clock } from '../../process/clock.js';
import type { CheckpointSigner } from '../checkpoint-signer.js';
import { ownMarks } from '../checkpoint-signer.js';
import { termsOf } from '../entry-terms.js';
import { growTree } from '../growth.js';
import { lastNotes, newestNote } from './last-notes.js';
import { LogLost } from '../log-lost.js';
import type { LogPens, Pen } from '../log-pens.js';
import { LogBeginRepository } from './log-begin.repository.js';
import type { LogRepository } from '../log.repository.js';
import type { KeptMark, LogMarks } from '../marks.js';
import { Partitions } from '../partitions.js';
import type { UnsignedRows } from '../unsigned-rows.js';

export interface LogBeginParts {
  readonly logs: LogRepository;
  readonly unsigned: UnsignedRows;
  readonly marks: LogMarks;
  readonly pens: LogPens;
  readonly signer: CheckpointSigner;
  readonly schema: string;
  readonly clock: Pick<Clock, 'nowMs' | 'machineMs'>;
}

/**
 * Begins logs. The signer makes the first entry and keeps its bytes beside the first mark; what the database has under that
 * number was written by nobody who may, so its rows go back to the outbox (docs/spec/audit-log.md, Writing).
 */
export class LogBegin {
  readonly #parts: LogBeginParts;
  readonly #begun = new LogBeginRepository();

  constructor(parts: LogBeginParts) {
    this.#parts = parts;
  }

  /** Whether a log has its first mark alone, or none: then it is begun, or written anew from that. */
  isDue(pen: Pen, there: TreeHead | undefined): boolean {
    const last = ownMarks(pen).at(-1);
    return pen.signsFrom !== undefined && (last === undefined || (last.first !== undefined && there === undefined));
  }

  /**
   * Begins the log of a pen.
   * @param there what stands under its number.
   * @returns false if another has written to it meanwhile
   * @throws whatever the database says
   */
  async begin(pen: Pen, there: TreeHead | undefined): Promise<boolean> {
    const first = ownMarks(pen).at(-1) ?? (await this.#makeFirst(pen));
    if (first?.first === undefined || first.note === undefined) return false;
    return this.#write(pen, there, { leaf: first.first, note: first.note });
  }

  /** @returns undefined where another process has begun it. @throws {LogLost} where another folder of marks has */
  async #makeFirst(pen: Pen): Promise<KeptMark | undefined> {
    const { marks, clock, pens } = this.#parts;
    const { org, number: log, origin, key } = pen;
    const signed = await newestNote(org, log, { logs: this.#parts.logs, pens });
    if ((await marks.read(org)).some((mark) => mark.origin === origin)) return undefined;
    // guard: begin-signed-before
    if (signed !== undefined) throw new LogLost('changed', pen.marks.at(-1));
    await this.#end(pen);
    // What was signed of the one before to its end is in the folder by now.
    const now = { ...pen, marks: await marks.read(org) };
    const before = await lastNotes(now, { logs: this.#parts.logs, pens });
    const leaf = auditOfService(org, { act: 'log.begin', obj: { log, before } }, clock.nowMs());
    const { head } = await growTree(EMPTY_FRONTIER, [await leafHash(utf8(leaf))]);
    const note = await signCheckpoint(origin, head, [{ key: await noteKeyOf(origin, key.publicJwk), signer: key }]);
    return marks.begin(org, log, { note, first: leaf });
  }

  /** Signs the log before to its end, where that can be; what stands beside entries that nobody signs goes back. */
  async #end(pen: Pen): Promise<void> {
    const { pens, signer } = this.#parts;
    const last = pen.marks.findLast(({ number, note }) => number < pen.number && note !== undefined);
    const ended = last && pens.endedBy(pen, last);
    if (ended !== undefined)
      await signer.sign(ended).catch((error: unknown) => {
        if (!(error instanceof LogLost)) throw error;
      });
    await this.takeBack(pen);
  }

  /**
   * Has what stands beside entries of lower numbers go back to the outbox: nobody signs it any more. What was signed of it
   * stands there only after a crash, and does not come into the log again.
   */
  async takeBack({ org, number }: Pick<Pen, 'org' | 'number'>): Promise<void> {
    const { logs, unsigned } = this.#parts;
    for (const log of await unsigned.logsBelow(org, number))
      await logs.transaction((trx) => unsigned.handBack(trx, org, log));
  }

  async #write(
    { org, number: log, origin }: Pen,
    there: TreeHead | undefined,
    { leaf, note }: { leaf: string; note: string },
  ): Promise<boolean> {
    const { logs, unsigned, clock, schema } = this.#parts;
    const at = new Date(clock.machineMs());
    const growth = await growTree(EMPTY_FRONTIER, [await leafHash(utf8(leaf))]);
    const { head, frontier } = growth;
    const first = { org, log, origin, ...head, frontier, checkpoint: note, signedSize: head.size };
    return logs.transaction(async (trx) => {
      // First of all: what another has begun meanwhile is not cleared away.
      if (!(await this.#begun.claim(trx, first, there))) return false;
      // guard: begin-rows-back
      await unsigned.handBack(trx, org, log);
      await this.#begun.clear(trx, org, log);
      await new Partitions(schema).require(trx, [at]);
      await logs.addTiles(trx, first, growth);
      await this.#begun.addFirst(trx, first, { ...termsOf(decodeUtf8(utf8(leaf))), at, leaf: utf8(leaf) });
      return true;
    });
  }
}
