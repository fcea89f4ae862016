import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDERS = '/usr/lib';

/** libfaketime of this machine (Debian: `faketime`); undefined where there is none. */
export function findFaketime(): string | undefined {
  if (!existsSync(FOLDERS)) return undefined;
  return readdirSync(FOLDERS)
    .map((folder) => join(FOLDERS, folder, 'faketime/libfaketime.so.1'))
    .find((library) => existsSync(library));
}

/**
 * Shifts the wall clock of one process, now and while it runs; its monotonic clock stays true. The clock of the machine is
 * never touched.
 */
export class ShiftedClock {
  readonly #file: string;
  readonly environment: Readonly<Record<string, string>>;

  /** @param folder for the file that the process looks at. */
  constructor(library: string, folder: string, shift = '+0') {
    this.#file = join(folder, 'shift');
    this.shift(shift);
    this.environment = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  /** From now on the clock is so far off: `+2h`, `-1h`, `+0`. */
  shift(by: string): void {
    // libfaketime ends a process that finds the file empty: it must never be.
    writeFileSync(`${this.#file}.new`, by);
    renameSync(`${this.#file}.new`, this.#file);
  }
}
