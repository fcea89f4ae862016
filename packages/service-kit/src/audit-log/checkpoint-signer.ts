import { CryptoError, decodeUtf8, encodeBase64url, equalBytes, utf8 } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import {
  appendLeaf,
  leafHash,
  makeConsistencyProof,
  noteKeyOf,
  signCheckpoint,
  treeHeadOf,
  verifyCheckpoint,
  verifyConsistency,
} from '@bulla/crypto/log';
import { LeafPlaces } from '../audit-rows/leaf-places.js';
import type { RowSecrets } from '../audit/row-secrets.js';
import { termsOf } from './entry-terms.js';
import { frontierAt } from './frontier-at.js';
import type { LogHead } from './log-head.js';
import { LogLost } from './log-lost.js';
import type { LogPens, Pen } from './log-pens.js';
import type { LogRepository } from './log.repository.js';
import type { KeptMark, LogMark, LogMarks } from './marks.js';
import { treeHashes } from './tree-hashes.js';
import type { UnsignedRows } from './unsigned-rows.js';

/** What a process made of a log by itself: it checked each row that came in between. */
export interface Grown {
  readonly from: TreeHead;
  readonly to: TreeHead;
}

/** Leaves that are checked at once. */
const PAGE = 1_000;

export interface CheckpointSignerParts {
  readonly logs: LogRepository;
  readonly unsigned: Pick<UnsignedRows, 'unsignedLeaves' | 'dropUnsigned'>;
  readonly marks: LogMarks;
  readonly pens: Pick<LogPens, 'trustIn'>;
  readonly keys: { readonly rows: RowSecrets };
}

/**
 * Signs trees that continue what was signed before and have no entry that another than this service wrote, and nothing else
 * (docs/spec/audit-log.md, Writing).
 */
export class CheckpointSigner {
  readonly #parts: CheckpointSignerParts;
  /** Logs that this process has compared with the notes that the database has. */
  readonly #compared = new Set<string>();

  constructor(parts: CheckpointSignerParts) {
    this.#parts = parts;
  }

  /**
   * Whether a log holds all that was signed of it.
   * @param pen whose marks were read before the head was: what another signs in between is no loss.
   * @throws {LogLost} `changed` if it does not; {Error} if another has signed meanwhile
   */
  async requireContinued(pen: Pen, head: LogHead): Promise<void> {
    await this.#orAnother(pen, async () => {
      // guard: log-origin
      if (head.origin !== pen.origin) throw new LogLost('changed', pen.marks.at(-1));
      const own = ownMarks(pen);
      for (const mark of own) await this.#requireContinuedFrom(mark, head, own.at(-1) ?? mark);
      await this.#compare(pen, head);
    });
  }

  /**
   * Signs a log as it is committed, unless it is signed.
   * @param grown by this process, since the head was read that it continued; nothing where that is not known.
   * @throws as {@link requireContinued}; {LogLost} `unauthenticated` for a tree with an entry that no process of the service
   *   wrote; {Error} where a mark cannot be read, or another signs meanwhile: nothing is signed then
   */
  async sign(pen: Pen, grown?: Grown): Promise<void> {
    const { logs, unsigned, marks } = this.#parts;
    const last = ownMarks(pen).at(-1);
    // guard: sign-below-folder without: if (last === undefined) return;
    if (last === undefined || pen.signsFrom === undefined || pen.number < pen.signsFrom) return;
    const head = await logs.find(pen.org, pen.number);
    if (head === undefined) return;
    // guard: log-signed-continued
    await this.requireContinued(pen, head);
    if (head.signedSize === head.size && head.checkpoint !== null && last.size === head.size) return;
    // guard: sign-authenticated
    if (!isGrown(grown, last, head)) await this.#orAnother(pen, () => this.#requireOwnRows(pen, head, last));
    const { org, number, origin, key } = pen;
    const note = await signCheckpoint(origin, head, [{ key: await noteKeyOf(origin, key.publicJwk), signer: key }]);
    // It is on the disk before it leaves: a crash between them costs nothing.
    const own = await marks.write(org, { note });
    // What another signed since we looked, this tree may not continue: the next turn looks.
    // guard: log-mark-alone
    if (!(await marks.supersede(org, pen.marks, own))) throw new Error(NEWER);
    await logs.keepCheckpoint(head, head.size, note);
    await unsigned.dropUnsigned(org, number, head.size);
  }

  /** A loss counts only where no other process has signed since the marks were read. */
  async #orAnother(pen: Pen, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      // Hashes that are not there, or are none: of the log there is not what was signed.
      // guard: sign-hashes-there without: const error = thrown;
      const error = thrown instanceof CryptoError ? new LogLost('changed', ownMarks(pen).at(-1)) : thrown;
      if (!(error instanceof LogLost) || pen.signsFrom === undefined) throw error;
      const known = new Set(pen.marks.map(({ file }) => file));
      const now = await this.#parts.marks.read(pen.org);
      if (now.every(({ file }) => known.has(file))) throw error;
      throw new Error(NEWER, { cause: thrown });
    }
  }

  /** @param newest what is lost if this one is not continued. */
  async #requireContinuedFrom(mark: LogMark, head: LogHead, newest: LogMark = mark): Promise<void> {
    try {
      // Of a log that is shorter than what was signed there is none.
      const proof = await makeConsistencyProof(mark.size, head.size, treeHashes(this.#parts.logs, head));
      // guard: log-mark-consistent
      await verifyConsistency({ older: mark, newer: head, proof });
    } catch (error) {
      if (error instanceof CryptoError && error.code === 'log_inconsistent') throw new LogLost('changed', newest);
      throw error;
    }
  }

  /**
   * Once in the life of the process: a note of this log that the database has, its own or one that a witness cosigned, may be
   * newer than the folder of marks, if that went back.
   */
  async #compare(pen: Pen, head: LogHead): Promise<void> {
    if (pen.signsFrom === undefined || this.#compared.has(pen.origin)) return;
    const { logs, pens } = this.#parts;
    const size = ownMarks(pen).at(-1)?.size ?? 0;
    const trust = await pens.trustIn(pen.org, pen.origin);
    for (const note of await logs.notes(pen.org, pen.number)) {
      // What no key of this log signed says nothing: anybody may have put it there.
      const known = await verifyCheckpoint(utf8(note), trust).catch(() => undefined);
      // guard: sign-note-newer
      if (known !== undefined && known.checkpoint.size > size)
        await this.#requireContinuedFrom({ ...known.checkpoint, origin: pen.origin }, head);
    }
    this.#compared.add(pen.origin);
  }

  /**
   * Beside each entry that no mark holds stands what its row was authenticated by, none of them is in a log already, and the
   * tree is made of just those.
   */
  async #requireOwnRows({ marks }: Pen, head: LogHead, mark: KeptMark): Promise<void> {
    const { logs, unsigned, keys } = this.#parts;
    const foreign = new LogLost('unauthenticated', mark);
    const seen = new Set<string>();
    let frontier = await frontierAt(mark.size, treeHashes(logs, head));
    while (frontier.size < head.size) {
      const to = Math.min(frontier.size + PAGE, head.size);
      const page = await unsigned.unsignedLeaves(head.org, head.log, frontier.size, to);
      for (const row of page) {
        const { index, leaf, secretId: id, mac } = row;
        if (index !== frontier.size) throw foreign;
        // guard: sign-row-mac
        if (keys.rows.check(head.org, leaf, { id, mac }) !== 'good') throw foreign;
        const hash = await leafHash(leaf);
        const name = encodeBase64url(hash);
        // guard: sign-row-once
        if (seen.has(name)) throw foreign;
        seen.add(name);
        ({ frontier } = await appendLeaf(frontier, hash));
      }
      if (frontier.size < to) throw foreign;
      const sought = page.flatMap(({ index: before, leaf }) => {
        const { id } = termsOf(decodeUtf8(leaf));
        return id === undefined ? [] : [{ id, leaf, before }];
      });
      const again = await logs.transaction((trx) => new LeafPlaces(trx).inLog({ head, marks }, sought));
      // guard: sign-row-new
      if (again.length > 0) throw foreign;
    }
    // guard: sign-row-tree
    if (!equalBytes((await treeHeadOf(frontier)).root, head.root)) throw foreign;
  }
}

/** Whether a tree is what this process itself made of the one that was signed. */
function isGrown(grown: Grown | undefined, mark: TreeHead, head: TreeHead): boolean {
  const isTree = (one: TreeHead, other: TreeHead) => one.size === other.size && equalBytes(one.root, other.root);
  // guard: sign-grown without: return grown !== undefined;
  return grown !== undefined && isTree(grown.from, mark) && isTree(grown.to, head);
}

const NEWER = 'another process has signed the log meanwhile';

/** Those of the log that is written, the newest last. */
export function ownMarks({ marks, origin }: Pen): KeptMark[] {
  return marks.filter((mark) => mark.origin === origin);
}
