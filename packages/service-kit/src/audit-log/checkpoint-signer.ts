import type { Signer } from '@bulla/crypto';
import { CryptoError, utf8 } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import {
  makeConsistencyProof,
  noteKeyOf,
  parseCheckpoint,
  parseNote,
  signCheckpoint,
  verifyCheckpoint,
  verifyConsistency,
} from '@bulla/crypto/log';
import type { EventLog } from '../observe/event-log.js';
import { LogEvent } from '../observe/event-log.js';
import type { LogHead } from './log-head.js';
import { numberOf } from './log-head.js';
import { LogLost } from './log-lost.js';
import type { LogRepository } from './log.repository.js';
import type { KeptMark, LogMark, LogMarks } from './marks.js';
import { treeHashes } from './tree-hashes.js';

/** This machine had no mark: what the database says was signed is believed once. */
const MARK_ADOPTED = new LogEvent<{ org: string; size: number }>('audit-mark-adopted', 'warn');
/** Of a mark that this machine did not make. */
const UNKNOWN_KEY = '';

/** Of this service. */
type OwnKeys = readonly [Signer, ...Signer[]];

export interface CheckpointSignerParts {
  readonly logs: LogRepository;
  readonly marks: LogMarks;
  /** Those whose purpose is `checkpoint`: the first signs for the organisation now, the others may have signed before. */
  readonly keysOf: (org: string) => OwnKeys | Promise<OwnKeys>;
  readonly log: EventLog;
}

/** Signs trees that continue what was signed before, and nothing else (docs/spec/note.md, Checkpoint). */
export class CheckpointSigner {
  readonly #parts: CheckpointSignerParts;

  constructor(parts: CheckpointSignerParts) {
    this.#parts = parts;
  }

  async kidOf(org: string): Promise<string> {
    const [key] = await this.#parts.keysOf(org);
    return key.kid;
  }

  /** What this machine signed in the logs of an organisation, the newest last. */
  marks(org: string): Promise<KeptMark[]> {
    return this.#parts.marks.read(org);
  }

  /**
   * Whether a log holds all that this machine signed of it.
   * @param known its marks, read before the head was: what another signs in between is no loss.
   * @returns the marks that it continues, one more where this machine had none
   * @throws {LogLost} if it does not
   */
  async requireContinued(head: LogHead, known: readonly KeptMark[]): Promise<readonly KeptMark[]> {
    const marks = known.length > 0 ? known : await this.#adopt(head);
    for (const mark of marks) await this.#requireContinuedFrom(mark, head, marks.at(-1) ?? mark);
    return marks;
  }

  /**
   * Signs the newest tree of an organisation, as it is committed, unless it is signed.
   * @throws as {@link requireContinued}; {Error} where a mark cannot be read, or another signs meanwhile: nothing is
   *   signed then
   */
  async sign(org: string): Promise<void> {
    const { logs, marks, keysOf } = this.#parts;
    const known = await this.marks(org);
    const head = await logs.newest(org);
    if (head === undefined || (head.signedSize === head.size && head.checkpoint !== null)) return;
    // guard: log-signed-continued without: const continued = known;
    const continued = await this.requireContinued(head, known);
    const [key] = await keysOf(org);
    const { origin, size, root } = head;
    // The mark is on the disk before the signature exists: a crash between them costs nothing.
    const own = await marks.write(org, { origin, kid: key.kid, size, root });
    // What another signed since we looked, this tree may not continue: the next turn looks.
    // guard: log-mark-alone
    if (!(await marks.supersede(org, continued, own))) throw new Error('another process has signed the log meanwhile');
    const note = await signCheckpoint(origin, head, [{ key: await noteKeyOf(origin, key.publicJwk), signer: key }]);
    await logs.keepCheckpoint(head, size, note);
  }

  /** @param newest what is lost if this one is not continued. */
  async #requireContinuedFrom(mark: LogMark, head: LogHead, newest: LogMark): Promise<void> {
    // Another process has begun a log since.
    if (numberOf(mark.origin) < head.log) return;
    const lost = new LogLost(newest);
    // guard: log-mark-origin
    if (mark.origin !== head.origin) throw lost;
    try {
      // Of a log that is shorter than what was signed there is none.
      const read = treeHashes(this.#parts.logs, head);
      const proof = await makeConsistencyProof(mark.size, head.size, read);
      // guard: log-mark-consistent
      await verifyConsistency({ older: mark, newer: head, proof });
    } catch (error) {
      if (error instanceof CryptoError && error.code === 'log_inconsistent') throw lost;
      throw error;
    }
  }

  /**
   * What the database says was signed, where it is signed by our key.
   * @throws {LogLost} where it is signed by another: nothing is continued that this machine cannot vouch for
   */
  async #adopt({ org, origin, checkpoint }: LogHead): Promise<KeptMark[]> {
    if (checkpoint === null) return [];
    const { keysOf, marks, log } = this.#parts;
    const own = await keysOf(org);
    const [key] = own;
    const keys = await Promise.all(own.map(({ publicJwk }) => noteKeyOf(origin, publicJwk)));
    const trust = { origin, keys };
    const verified = await verifyCheckpoint(utf8(checkpoint), trust).catch((error: unknown) => {
      if (!(error instanceof CryptoError) || error.code !== 'key_unknown') throw error;
      // Another key signed it, and nobody here knows what came after that.
      const said = parseCheckpoint(parseNote(utf8(checkpoint)).text);
      throw new LogLost({ origin, kid: UNKNOWN_KEY, size: said.size, root: said.root });
    });
    const head: TreeHead = verified.checkpoint;
    const mark = { origin, kid: key.kid, size: head.size, root: head.root };
    const kept = await marks.write(org, mark);
    log.write(MARK_ADOPTED, { org, size: head.size });
    return [kept];
  }
}
