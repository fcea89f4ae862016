import type { Bytes } from '@bulla/crypto';
import { utf8 } from '@bulla/crypto';
import type { NoteSigner, ReadLogFile, TreeHead } from '@bulla/crypto/log';
import { encodeEntryBundle, parseEntryBundle, verifyLog } from '@bulla/crypto/log';
import type { TiledLog } from '@bulla/crypto/testing';
import { makeTiledLog } from '@bulla/crypto/testing';
import { noteSigner } from './note-signer.js';
import { flipBit } from './test-log.js';

/** Logs in the layout of C2SP tlog-tiles that somebody tampered with, and how their verification ends. */

export const ORIGIN = 'urn:bulla:acme:svc:vault/audit/1';
/** Of a log with three levels of tiles. */
export const LARGE = 70_000;
export const ENTRIES = Array.from({ length: LARGE }, (_, index) => utf8(`entry ${index}`));
/** Of none, of one, around one full bundle, of several. */
export const SIZES = [0, 1, 255, 256, 257, 600, LARGE] as const;

export type Change = (files: Map<string, Bytes>) => void;

/** How it ended, and how many entries came before; an entry that is not the one that stands there is `other`. */
export interface Outcome {
  readonly check?: string | undefined;
  readonly entries?: unknown;
  readonly seen: number;
  readonly other?: number;
}

export class TamperedLogs {
  readonly signer: NoteSigner;
  readonly #logs: ReadonlyMap<number, TiledLog>;

  private constructor(signer: NoteSigner, logs: ReadonlyMap<number, TiledLog>) {
    this.signer = signer;
    this.#logs = logs;
  }

  /** One log of each size; each begins with the smaller ones. */
  static async make(): Promise<TamperedLogs> {
    const signer = await noteSigner(ORIGIN);
    const logs = new Map<number, TiledLog>();
    for (const size of SIZES) logs.set(size, await makeTiledLog(ENTRIES.slice(0, size), signer));
    return new TamperedLogs(signer, logs);
  }

  of(size: number): TiledLog {
    const log = this.#logs.get(size);
    if (log === undefined) throw new Error('there is no log of this size');
    return log;
  }

  heads(): TreeHead[] {
    return SIZES.map((size) => this.of(size).head);
  }

  async verified(size: number, change: Change = unchanged, kept: readonly TreeHead[] = []): Promise<Outcome> {
    const files = new Map(this.of(size).files);
    change(files);
    return this.outcomeOf(async (path) => files.get(path), kept);
  }

  async outcomeOf(read: ReadLogFile, kept: readonly TreeHead[] = []): Promise<Outcome> {
    let seen = 0;
    let other = 0;
    const onEntry = (index: number, entry: Bytes) => {
      if (index !== seen || !Buffer.from(entry).equals(ENTRIES[index] ?? Buffer.alloc(0))) other++;
      seen++;
    };
    const counted = () => ({ seen, ...(other > 0 && { other }) });
    try {
      await verifyLog({ read, trust: { origin: ORIGIN, keys: [this.signer.key] }, kept, onEntry });
      return counted();
    } catch (error) {
      const { code, check, entries } = error as { code?: string; check?: string; entries?: unknown };
      if (code === undefined) throw error;
      return { check: check ?? code, ...(entries !== undefined && { entries }), ...counted() };
    }
  }
}

export function changing(path: string, change: (bytes: Bytes) => Bytes): Change {
  return (files) => {
    const bytes = files.get(path);
    if (bytes === undefined) throw new Error(`${path} is not there`);
    files.set(path, change(bytes));
  };
}

/** The lowest bit of one byte is another one. */
export function flipping(path: string, byte = 0): Change {
  return changing(path, (bytes) => flipBit(bytes, byte * 8));
}

export function removing(path: string): Change {
  return (files) => {
    if (!files.delete(path)) throw new Error(`${path} is not there`);
  };
}

export function entriesIn(path: string, width: number, change: (entries: Bytes[]) => Bytes[]): Change {
  return changing(path, (bytes) => encodeEntryBundle(change(parseEntryBundle(bytes, width))));
}

/** An error that names one entry. */
export function one(index: number): { readonly first: number; readonly last: number } {
  return { first: index, last: index };
}

function unchanged(): void {}
