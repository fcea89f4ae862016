import { stat } from 'node:fs/promises';
import type { EventLog } from '../observe/event-log.js';
import { LogEvent } from '../observe/event-log.js';
import type { Clock } from '../process/clock.js';
import { CryptoError } from '@bulla/crypto';
import { TokenFault } from '../token/token-fault.js';
import { KeyFileError } from './private-file.js';
import { readKeyFile } from './service-keys.js';
import type { ServiceKeys } from './service-keys.js';
import type { TrustSource } from './trust-source.js';

const KEYS_TAKEN = new LogEvent<{ file: string; keys: number }>('keys-taken', 'info');
/** A directory lists what the process signs with, and nothing of what the file holds. */
const KEYS_NOT_LISTED = new LogEvent<{ file: string }>('keys-not-listed', 'warn');
/** A token that the file names is away, or refuses; it is looked for again. */
const KEYS_NOT_REACHED = new LogEvent<{ file: string; why: string; hint: string }>('keys-not-reached', 'warn');
const KEYS_REFUSED = new LogEvent<{ file: string; why: string }>('keys-refused', 'warn');

export interface KeyFileWatchParts {
  /** BULLA_KEYS_FILE. */
  readonly path: string;
  readonly keys: ServiceKeys;
  readonly source: Pick<TrustSource, 'held'>;
  readonly clock: Clock;
  readonly log: EventLog;
}

/** Takes the keys of a service's file when it is another: nothing has to be started anew for new keys. */
export class KeyFileWatch {
  readonly #parts: KeyFileWatchParts;
  /** Of the file as it was last taken or refused. */
  #settled: string | undefined;
  /** What was said of the file that is waited with. */
  #waiting: string | undefined;

  constructor(parts: KeyFileWatchParts) {
    this.#parts = parts;
  }

  /** Looks once. The service calls it now and then. A file that cannot be taken changes nothing, and is told of once. */
  async look(): Promise<void> {
    const { path, keys, log } = this.#parts;
    const state = await stateOf(path);
    if (state === this.#settled) return;
    try {
      if (await this.#take()) this.#settled = state;
      else if (this.#isNews(state)) log.write(KEYS_NOT_LISTED, { file: path });
    } catch (error) {
      keys.nothingWaits();
      if (error instanceof TokenFault) {
        const { message: why, hint } = error;
        if (this.#isNews(`${state} ${why}`)) log.write(KEYS_NOT_REACHED, { file: path, why, hint });
        return;
      }
      const isKeyFault = error instanceof CryptoError;
      if (!isKeyFault && !(error instanceof KeyFileError)) throw error;
      this.#settled = state;
      // What the library says of a key could quote it.
      log.write(KEYS_REFUSED, { file: path, why: isKeyFault ? 'one of its keys cannot be used' : error.message });
    }
  }

  /** Whether nothing was said yet of what is waited for. */
  #isNews(waiting: string): boolean {
    if (waiting === this.#waiting) return false;
    this.#waiting = waiting;
    return true;
  }

  /** @returns whether the file is settled. */
  async #take(): Promise<boolean> {
    const { path, keys, source, clock, log } = this.#parts;
    const file = await readKeyFile(path);
    const isTaken = await keys.take(file, source.held(), clock.now());
    if (isTaken && this.#settled !== undefined) log.write(KEYS_TAKEN, { file: path, keys: file.keys.length });
    return isTaken;
  }
}

/** What changes when somebody puts another file there, or writes into it. */
async function stateOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? 'gone' : [found.ino, found.size, found.mtimeMs, found.mode].join(' ');
}
