import { CryptoError, utf8 } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { leafHash, makeInclusionProof, verifyInclusion } from '@bulla/crypto/log';
import type { LastNotesParts } from './last-notes.js';
import { newestNote } from './last-notes.js';
import type { LogRepository } from '../log.repository.js';
import type { LogMarks } from '../marks.js';
import { treeHashes } from '../tree-hashes.js';

export interface FirstEntriesParts extends LastNotesParts {
  readonly logs: LogRepository;
  readonly marks: Pick<LogMarks, 'read'>;
}

/** The first entries of logs, as they were signed: who writes in the database can write another there. */
export class FirstEntries {
  readonly #parts: FirstEntriesParts;

  constructor(parts: FirstEntriesParts) {
    this.#parts = parts;
  }

  /** Its text, from beside the first mark of the log; undefined where that is not here. */
  async kept(org: string, log: number): Promise<string | undefined> {
    return (await this.#parts.marks.read(org)).find(({ number, first }) => number === log && first !== undefined)
      ?.first;
  }

  /** The newest tree of a log that is in a mark, or else that a key of the log signed; undefined where there is none. */
  async signedHead(org: string, log: number): Promise<TreeHead | undefined> {
    const mark = (await this.#parts.marks.read(org)).findLast(({ number }) => number === log);
    return mark ?? newestNote(org, log, this.#parts);
  }

  /** Whether a text is the first entry of the log, by {@link signedHead}. */
  isFirst(org: string, log: number, text: string): Promise<boolean> {
    return this.isEntry({ org, log, index: 0 }, text);
  }

  /** Whether a text is an entry of the log, by {@link signedHead}. */
  async isEntry(
    { org, log, index }: { readonly org: string; readonly log: number; readonly index: number },
    text: string,
  ): Promise<boolean> {
    const { logs } = this.#parts;
    const head = await this.signedHead(org, log);
    if (head === undefined || index >= head.size) return false;
    try {
      const proof = await makeInclusionProof(index, head.size, treeHashes(logs, { org, log, size: head.size }));
      await verifyInclusion({ leaf: await leafHash(utf8(text)), index, head, proof });
      return true;
    } catch (error) {
      if (error instanceof CryptoError) return false;
      throw error;
    }
  }
}
