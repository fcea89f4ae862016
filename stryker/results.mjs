import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { repository } from '../scripts/workspaces.mjs';

/** How Stryker's statuses count. What is ignored or did not run counts nowhere. */
const DETECTED = ['Killed', 'Timeout'];
const UNDETECTED = ['Survived', 'NoCoverage'];

/**
 * What became of the mutants of one file. It is kept in `incremental/<name>.ndjson`, one line for the file, one for each
 * of its mutants, then the same for each file of tests: small, and a change of it can be read.
 */
export class Result {
  #path;
  /** `{ file, sha256, commit, mutants }` */
  #source;
  /** `{ file, sha256, tests }` for each file of tests */
  #testFiles = [];

  /**
   * @param {string} name of a file of packages/crypto/src, without its ending
   * @param {readonly string[]} tests its files of tests, in packages/crypto
   */
  constructor(name, tests) {
    this.name = name;
    this.file = `packages/crypto/src/${name}.ts`;
    this.tests = tests.map((test) => `packages/crypto/${test}`);
    this.#path = `${repository}/stryker/incremental/${name}.ndjson`;
    if (existsSync(this.#path)) this.#read();
  }

  /** Whether it was ever tried. */
  get tried() {
    return this.#source !== undefined;
  }

  /** Whether file and tests are still those that were tried. */
  get current() {
    const files = this.#testFiles.map(({ file }) => file);
    const sameTests = this.tests.length === files.length && this.tests.every((test) => files.includes(test));
    return this.tried && sameTests && [this.#source, ...this.#testFiles].every(isUnchanged);
  }

  /** The commit that the file was last changed in, as it was tried. */
  get commit() {
    return this.#source.commit;
  }

  get mutants() {
    return this.#source.mutants;
  }

  get survivors() {
    return this.mutants.filter(({ status }) => UNDETECTED.includes(status));
  }

  /** @param {string[]} statuses */
  count(...statuses) {
    return this.mutants.filter(({ status }) => statuses.includes(status)).length;
  }

  /**
   * The report as Stryker wants to read it, with the sources that are not kept twice. A file that is another by now is
   * left out as a whole, so what depends on it is tried again. So is what was not killed when anything changed: Stryker
   * does not see that a test came to what is evaluated once, when a file is loaded. Tests that are no longer named for the
   * file are forgotten, and what they killed.
   */
  report() {
    const { mutants } = this.#source;
    const source = { ...this.#source, mutants: mutants.filter(({ status }) => this.current || status === 'Killed') };
    const withSources = (files) =>
      Object.fromEntries(files.filter(isUnchanged).map((kept) => [kept.file, { ...kept, source: textOf(kept.file) }]));
    const named = this.#testFiles.filter(({ file }) => this.tests.includes(file));
    return { schemaVersion: '1.0', files: withSources([source]), testFiles: withSources(named) };
  }

  /**
   * Keeps a report of Stryker, without sources and without what it says of the machine.
   * @param {object} report
   * @param {string} commit
   */
  keep(report, commit) {
    const lines = textOf(this.file).split('\n');
    const mutants = report.files[this.file].mutants.map((mutant) => keptOf(mutant, lines));
    const ids = new Set(mutants.flatMap(({ coveredBy = [], killedBy = [] }) => [...coveredBy, ...killedBy]));
    this.#source = { file: this.file, sha256: hashOf(this.file), commit, mutants };
    this.#testFiles = Object.entries(report.testFiles).map(([file, { tests }]) => ({
      file,
      sha256: hashOf(file),
      tests: tests.filter(({ id }) => ids.has(id)),
    }));
    const records = [this.#source, ...this.#testFiles].flatMap(({ mutants: ofSource, tests, ...head }) => [
      head,
      ...(ofSource ?? tests),
    ]);
    writeFileSync(this.#path, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  }

  #read() {
    const files = [];
    for (const line of readFileSync(this.#path, 'utf8').trimEnd().split('\n')) {
      const record = JSON.parse(line);
      if (record.file === undefined) files.at(-1).records.push(record);
      else files.push({ ...record, records: [] });
    }
    const [{ records: mutants, ...head }, ...testFiles] = files;
    this.#source = { ...head, mutants };
    this.#testFiles = testFiles.map(({ records: tests, ...rest }) => ({ ...rest, tests }));
  }
}

/**
 * Share of the mutants that were noticed, in percent.
 * @param {readonly Result[]} results
 */
export function scoreOf(results) {
  const count = (statuses) => results.reduce((sum, result) => sum + result.count(...statuses), 0);
  const detected = count(DETECTED);
  return (100 * detected) / (detected + count(UNDETECTED));
}

/**
 * What is needed to know a mutant again and whether it must be tried again: of one that was killed a test that did it, of
 * others all tests that reach it, and for the page the code that was changed. Messages of tests have paths in them.
 */
function keptOf({ mutatorName, replacement, status, killedBy, coveredBy, location }, lines) {
  const kept = { mutatorName, replacement, status, location };
  if (status === 'Ignored') return kept;
  if (status === 'Killed') return { ...kept, killedBy: killedBy.slice(0, 1) };
  return { ...kept, coveredBy, original: cut(lines, location), line: lines[location.start.line - 1].trim() };
}

/** The text of a place; lines and columns count from 1. */
function cut(lines, { start, end }) {
  const part = lines.slice(start.line - 1, end.line);
  part.push(part.pop().slice(0, end.column - 1));
  part[0] = part[0].slice(start.column - 1);
  return part.join('\n');
}

function isUnchanged({ file, sha256 }) {
  return sha256 === hashOf(file);
}

function hashOf(file) {
  return existsSync(`${repository}/${file}`) ? createHash('sha256').update(textOf(file)).digest('hex') : undefined;
}

function textOf(file) {
  return readFileSync(`${repository}/${file}`, 'utf8');
}
