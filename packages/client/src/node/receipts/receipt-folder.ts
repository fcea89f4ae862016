import { readdir } from 'node:fs/promises';
import type { KeyFile } from '@bulla/crypto';
import type { Home } from '../home/home.js';
import { openReceipt } from './receipt-seal.js';

/** How many receipts are kept: with each further one the oldest goes. */
export const RECEIPTS_MAX = 100;
const FOLDER = 'receipts';
/** When it was kept, in milliseconds, so that names sort by age; and its id. */
const NAME = /^(\d{13})-(rcp_[0-9a-f]{32})\.sealed$/;

/** A receipt as it lies in the folder, sealed. */
export interface KeptReceipt {
  readonly id: string;
  /** When it was kept, in milliseconds. */
  readonly atMs: number;
}

/** After so many, it is looked what other processes kept beside. */
const LOOK_EVERY = 50;

/** Whether a text is the id of a receipt. */
export function isReceiptId(text: string): boolean {
  return /^rcp_[0-9a-f]{32}$/.test(text);
}

/** The receipts of a home folder: answer files that this device alone can open. */
export class ReceiptFolder {
  readonly #home: Home;
  /** Names of files that are there, oldest first, as this process knows them. */
  #known: string[] | undefined;
  #kept = 0;
  #pruning: Promise<void> = Promise.resolve();

  constructor(home: Home) {
    this.#home = home;
  }

  /** Absolute path. */
  get path(): string {
    return this.#home.path(FOLDER);
  }

  /**
   * Keeps a receipt, and no more than the last hundred; for a moment more, where several processes keep some.
   * @throws {HomeError} what stands in the way; what the system says where the disk is full
   */
  async keep(id: string, atMs: number, sealed: string): Promise<void> {
    const name = `${atMs}-${id}.sealed`;
    await this.#home.writeNew(`${FOLDER}/${name}`, sealed);
    // Nobody waits for that, and a receipt is kept also where an older one does not go.
    this.#pruning = this.#pruning.then(() => this.#prune(name)).catch(() => undefined);
  }

  async #prune(name: string): Promise<void> {
    if (this.#known === undefined || ++this.#kept % LOOK_EVERY === 0) this.#known = await this.#names();
    // One that was kept while the folder was read is known already.
    else if (!this.#known.includes(name)) this.#known.push(name);
    for (const oldest of this.#known.splice(0, this.#known.length - RECEIPTS_MAX))
      await this.#home.remove(`${FOLDER}/${oldest}`);
  }

  /** All that are there, newest first. */
  async list(): Promise<readonly KeptReceipt[]> {
    return (await this.#names())
      .toReversed()
      .slice(0, RECEIPTS_MAX)
      .map((name) => {
        const [, atMs = '', id = ''] = NAME.exec(name) ?? [];
        return { id, atMs: Number(atMs) };
      });
  }

  /**
   * The answer file that a receipt holds.
   * @param file the keys of this device.
   * @returns undefined if there is none of this id
   * @throws {CryptoError} if it does not open
   */
  async open(id: string, file: KeyFile): Promise<string | undefined> {
    await this.#pruning;
    const name = (await this.#names()).find((one) => NAME.exec(one)?.[2] === id);
    const text = name === undefined ? undefined : await this.#home.read(`${FOLDER}/${name}`);
    return text === undefined ? undefined : openReceipt(id, text, file);
  }

  /** Names of the files, oldest first. */
  async #names(): Promise<string[]> {
    let names: string[];
    try {
      names = await readdir(this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
    return names.filter((name) => NAME.test(name)).toSorted();
  }
}
