import { execFileSync, fork } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { repository } from '../workspaces.mjs';
import { manyPage, manyRowsOf } from './many-page.mjs';

const LOADER = new URL('../jest/source-loader.mjs', import.meta.url).href;
const SAID_EVERY_MS = 60_000;

/**
 * What is tried at random a great many times, by processes that each take every so-many-th of a seed.
 * @typedef {{ name: string, things: string, part: string, page: string, count: number, title: string, about: string }} Many
 *   `name` of the command, what they are called in the plural, the program of a process and the page that is kept, both in the
 *   repository, how many unless asked for otherwise, and the page's title and first sentence
 */

/**
 * Runs it to its end, as the command line asks: `--count <n>`, `--seed <n>`, `--jobs <n>` at once, `--write` keeps the page.
 * @param {Many} many
 */
export async function runMany(many) {
  const run = new Run(many, wanted(many));
  await run.end();
}

function wanted({ name, count }) {
  const whole = { type: 'string' };
  const options = { count: whole, seed: whole, jobs: whole, write: { type: 'boolean', default: false } };
  const { values } = parseArgs({ options });
  const numberOf = (option, otherwise, least) => {
    const number = Number(values[option] ?? otherwise);
    if (Number.isSafeInteger(number) && number >= least) return number;
    console.error(`${name}: --${option} is a whole number from ${least}`);
    return process.exit(2);
  };
  return {
    count: numberOf('count', count, 1),
    seed: numberOf('seed', process.env.BULLA_TEST_SEED ?? randomInt(2 ** 31), 0),
    jobs: numberOf('jobs', availableParallelism(), 1),
    write: values.write,
  };
}

class Run {
  #begun = Date.now();
  #counts = new Map();
  #reports = [];

  constructor(many, asked) {
    Object.assign(this, many, asked);
    this.takenBy = Array.from({ length: this.jobs }, () => 0);
    console.log(`${this.count} ${this.things}, seed ${this.seed}, ${this.jobs} at a time`);
    this.children = this.takenBy.map((_taken, at) => this.#start(at));
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => this.#stop());
    this.saying = setInterval(() => this.#say(), SAID_EVERY_MS);
  }

  async end() {
    const codes = await Promise.all(this.children.map(({ ended }) => ended));
    clearInterval(this.saying);
    for (const report of this.#reports) console.log(`\n${report}`);
    const found = this.#reports.length;
    const isGood = found === 0 && codes.every((code) => code === 0) && this.taken === this.count;
    const outcome = found > 0 ? `${found} found` : isGood ? 'nothing found' : 'stopped, nothing found';
    if (this.write && this.taken > 0) this.#keep(outcome);
    console.log(`${this.taken} ${this.things}, ${outcome}; seed ${this.seed}; ${this.minutes} minutes`);
    process.exitCode = isGood ? 0 : 1;
  }

  get taken() {
    return this.takenBy.reduce((sum, one) => sum + one, 0);
  }

  get minutes() {
    return ((Date.now() - this.#begun) / 60_000).toFixed(1);
  }

  #start(at) {
    const child = fork(`${repository}/${this.part}`, [this.seed, at, this.count, this.jobs].map(String), {
      execArgv: ['--conditions=bulla-source', `--import=${LOADER}`, '--no-warnings'],
    });
    child.on('message', (said) => {
      this.takenBy[at] = said.taken;
      for (const [what, times] of said.counts ?? []) this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
      if (said.report === undefined) return;
      this.#reports.push(said.report);
      this.#stop();
    });
    return { child, ended: new Promise((resolve) => child.once('close', resolve)) };
  }

  /** Each process ends what it is in, and tells what it has. */
  #stop() {
    for (const { child } of this.children) child.kill();
  }

  #say() {
    const left = ((Date.now() - this.#begun) / Math.max(this.taken, 1)) * (this.count - this.taken);
    console.log(`${this.taken} of ${this.count} ${this.things}, about ${Math.ceil(left / 60_000)} minutes left`);
  }

  #keep(outcome) {
    const git = (...args) => execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).trim();
    const changed = git('status', '--porcelain', '--', '.', ':!test/results');
    const row = {
      count: String(this.taken),
      seed: String(this.seed),
      outcome,
      minutes: this.minutes,
      commit: git('rev-parse', '--short=8', 'HEAD') + (changed === '' ? '' : ' and more'),
      date: new Date().toISOString().slice(0, 10),
    };
    const page = `${repository}/${this.page}`;
    const rows = existsSync(page) ? manyRowsOf(readFileSync(page, 'utf8')) : [];
    writeFileSync(page, manyPage(this, [row, ...rows], this.#counts));
  }
}
