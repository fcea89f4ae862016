import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { randomFrom } from '@bulla/testkit';
import TestSequencer from '@jest/test-sequencer';
import { secondsOf } from '../testing/record.mjs';

const SECONDS = 'test/results/file-seconds.txt';
/** A new file is likely a quick one, and nothing waits for it at the end. */
const UNKNOWN_SECONDS = 1;

/**
 * Slowest files first, by the table of the last whole run that was kept, so that no worker is left alone with a long one
 * at the end; in random order with `--randomize`, by its seed.
 */
export default class SlowestFirst extends TestSequencer {
  #root;
  #random;

  constructor(options) {
    super(options);
    const { globalConfig } = options;
    this.#root = globalConfig.rootDir;
    this.#random = globalConfig.randomize ? randomFrom(globalConfig.seed) : undefined;
  }

  sort(tests) {
    const key = this.#random === undefined ? this.#bySeconds() : this.#shuffled(tests);
    return tests.toSorted((one, other) => key(other) - key(one) || one.path.localeCompare(other.path));
  }

  #bySeconds() {
    const path = `${this.#root}/${SECONDS}`;
    const seconds = secondsOf(existsSync(path) ? readFileSync(path, 'utf8') : '');
    return ({ path: file }) => seconds.get(relative(this.#root, file)) ?? UNKNOWN_SECONDS;
  }

  #shuffled(tests) {
    const random = this.#random;
    const inOrder = tests.map(({ path }) => path).toSorted();
    const places = new Map(inOrder.map((path) => [path, random()]));
    return ({ path }) => places.get(path);
  }
}
