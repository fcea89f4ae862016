import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { repository } from '../scripts/workspaces.mjs';
import { fingerprintOf, hashOf, judged, sourceOf, testsOf, textOf } from './outcome.mjs';

/**
 * What this clone remembers of the mutants of one file, so that the next run need not try all of them again. It is in
 * `.cache/stryker-memory/<name>.json`, and a run without it tries everything.
 */
export class Memory {
  #path;
  /** `{ file, sha256, mutants }` */
  #source;
  /** `{ file, sha256, tests }` for each file of tests */
  #testFiles = [];

  /**
   * @param {string} name of a file of packages/crypto/src, without its ending
   * @param {readonly string[]} tests its files of tests, in packages/crypto
   */
  constructor(name, tests) {
    this.name = name;
    this.file = sourceOf(name);
    this.tests = testsOf(tests);
    this.#path = `${repository}/.cache/stryker-memory/${name}.json`;
    if (!existsSync(this.#path)) return;
    const { source, testFiles } = JSON.parse(readFileSync(this.#path, 'utf8'));
    this.#source = source;
    this.#testFiles = testFiles;
  }

  /**
   * A report as Stryker wants to read it, with the sources that are not kept twice; undefined where nothing is known. A
   * file that is another by now is left out as a whole, so what depends on it is tried again. So is what was not killed
   * when anything changed: Stryker does not see that a test came to what is evaluated once, when a file is loaded. Tests
   * that are no longer named for the file are forgotten, and what they killed.
   */
  report() {
    if (this.#source === undefined) return undefined;
    const { mutants } = this.#source;
    const current = this.#isCurrent();
    const source = { ...this.#source, mutants: mutants.filter(({ status }) => current || status === 'Killed') };
    const withSources = (files) =>
      Object.fromEntries(files.filter(isUnchanged).map((kept) => [kept.file, { ...kept, source: textOf(kept.file) }]));
    const named = this.#testFiles.filter(({ file }) => this.tests.includes(file));
    return { schemaVersion: '1.0', files: withSources([source]), testFiles: withSources(named) };
  }

  /**
   * Keeps a report of Stryker, without sources.
   * @param {object} report
   * @param {string} commit the last that changed the file
   * @returns {import('./outcome.mjs').Outcome}
   */
  keep(report, commit) {
    const { mutants } = report.files[this.file];
    this.#source = { file: this.file, sha256: hashOf(this.file), mutants };
    this.#testFiles = Object.entries(report.testFiles).map(([file, { tests }]) => ({
      file,
      sha256: hashOf(file),
      tests,
    }));
    mkdirSync(dirname(this.#path), { recursive: true });
    writeFileSync(this.#path, JSON.stringify({ source: this.#source, testFiles: this.#testFiles }));
    const fingerprint = fingerprintOf([this.file, ...this.tests]);
    return { ...judged(mutants, textOf(this.file)), commit, fingerprint };
  }

  /** Whether file and tests are those that were tried. */
  #isCurrent() {
    const files = this.#testFiles.map(({ file }) => file);
    const sameTests = this.tests.length === files.length && this.tests.every((test) => files.includes(test));
    return sameTests && [this.#source, ...this.#testFiles].every(isUnchanged);
  }
}

function isUnchanged({ file, sha256 }) {
  return sha256 === hashOf(file);
}
