import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { CryptoError } from '@bulla/crypto';
import type { DeadLetter } from '../../audit-stream/dead-letter.js';
import { encodeDeadLetter, parseDeadLetters } from '../../audit-stream/dead-letter.js';
import type { LogPlace } from '../../audit-stream/log-place.js';
import type { StreamJournal } from '../../audit-stream/stream-journal.js';
import type { StreamState } from '../../audit-stream/stream-state.js';
import { encodeState, parseState } from '../../audit-stream/stream-state.js';
import type { Release } from '../home/home.js';
import { Home, HomeError } from '../home/home.js';

const STATE = 'stream.json';
const LETTERS = 'dead-letters.ndjson';
const LOCK = 'lock';
/** A sink that refuses so many refuses everything: nothing is gained by going on. */
const LETTERS_MAX = 1_000;

/** Whose logs go where. */
export type StreamAim = Pick<StreamState, 'org' | 'pin' | 'to'>;

/** The folder that a stream keeps its place and its dead letters in, held by one process. */
export class StreamFolder implements StreamJournal {
  readonly #home: Home;
  readonly #release: Release;
  #state: StreamState;

  private constructor(home: Home, release: Release, state: StreamState) {
    this.#home = home;
    this.#release = release;
    this.#state = state;
  }

  /**
   * Opens the folder, and makes it where there is none.
   * @param aim that of the folder has to be the same; undefined takes the one that it has.
   * @throws {HomeError} if another process holds it, it is of another stream, or of none where no aim is given
   */
  static async open(path: string, aim: StreamAim | undefined): Promise<StreamFolder> {
    const home = new Home(path);
    // guard: stream-folder-held without: const release = async () => undefined;
    const release = await home.lock(LOCK, 0, 'give this one another folder with --state');
    try {
      const before = await readState(home);
      const meant = aim ?? before;
      if (meant === undefined) throw new HomeError(`there is no stream in ${path}`);
      // guard: stream-folder-other
      if (before !== undefined && !isSameAim(before, meant)) throw new HomeError(otherText(path, before, meant));
      const state = { ...meant, places: before?.places ?? [], writer: randomUUID() };
      await home.write(STATE, encodeState(state));
      return new StreamFolder(home, release, state);
    } catch (error) {
      await release();
      throw error;
    }
  }

  /** Absolute path of the folder, or of a file in it. */
  get path(): string {
    return this.#home.folder;
  }

  /** The address of the sink. */
  get to(): string {
    return this.#state.to;
  }

  get places(): readonly LogPlace[] {
    return this.#state.places;
  }

  readonly keep = async (places: readonly LogPlace[]): Promise<void> => {
    const all = new Map([...this.#state.places, ...places].map((place) => [place.service, place]));
    await this.#requireOwn();
    const state = { ...this.#state, places: [...all.values()] };
    await this.#home.write(STATE, encodeState(state));
    this.#state = state;
  };

  readonly bury = async (letter: DeadLetter): Promise<void> => {
    await this.#requireOwn();
    const text = (await this.#home.read(LETTERS)) ?? '';
    const letters = this.#readable(text);
    // guard: dead-letters-most
    if (letters.length >= LETTERS_MAX)
      throw new HomeError(
        `${LETTERS_MAX} entries that the sink refused lie in ${this.#home.path(LETTERS)}: look at the first of them, mend the sink, and run: bulla audit dead-letters --state ${this.#home.folder} --send`,
      );
    // A line without its end was cut with an earlier process; its entry came again.
    if (!text.endsWith('\n')) return this.#home.write(LETTERS, [...letters, letter].map(encodeDeadLetter).join(''));
    const file = await open(this.#home.path(LETTERS), 'a');
    try {
      await file.writeFile(encodeDeadLetter(letter));
      await file.sync();
    } finally {
      await file.close();
    }
  };

  /** What the sink refused, oldest first. @throws {HomeError} if a line is not readable */
  async letters(): Promise<readonly DeadLetter[]> {
    return this.#readable((await this.#home.read(LETTERS)) ?? '');
  }

  #readable(text: string): readonly DeadLetter[] {
    const { letters, unread } = parseDeadLetters(text);
    // guard: dead-letters-readable
    if (unread > 0) throw new HomeError(`${this.#home.path(LETTERS)} holds lines that are not readable: ${unread}`);
    return letters;
  }

  /** Keeps these letters and no other. */
  async keepLetters(letters: readonly DeadLetter[]): Promise<void> {
    await this.#requireOwn();
    if (letters.length === 0) await this.#home.remove(LETTERS);
    else await this.#home.write(LETTERS, letters.map(encodeDeadLetter).join(''));
  }

  async close(): Promise<void> {
    await this.#release();
  }

  /** The lock knows the processes of this machine alone; containers that share a volume know it by this. */
  async #requireOwn(): Promise<void> {
    const now = await readState(this.#home);
    // guard: stream-folder-taken
    if (now?.writer !== this.#state.writer)
      throw new HomeError(`another process uses ${this.#home.folder} now and goes on from there; this one ends`);
  }
}

async function readState(home: Home): Promise<StreamState | undefined> {
  const text = await home.read(STATE);
  if (text === undefined) return undefined;
  try {
    return parseState(text);
  } catch (error) {
    // guard: stream-state-broken without: if (error instanceof CryptoError) return undefined;
    if (error instanceof CryptoError)
      throw new HomeError(`${home.path(STATE)} is not the place of a stream: put it back, or begin in another folder`);
    throw error;
  }
}

function isSameAim(one: StreamAim, other: StreamAim): boolean {
  return one.org === other.org && one.pin === other.pin && one.to === other.to;
}

function otherText(path: string, before: StreamAim, meant: StreamAim): string {
  const of =
    before.to === meant.to
      ? `${path} holds the place of a stream of ${before.org} under another pin`
      : `${path} holds the place of a stream to ${before.to}`;
  return `${of}; give this one another folder with --state`;
}
