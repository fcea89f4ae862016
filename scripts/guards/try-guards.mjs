import { readFileSync } from 'node:fs';
import { repository } from '../workspaces.mjs';
import { withoutGuard } from './guards-in.mjs';
import { tagOf, withoutTags } from './tags.mjs';
import { testsOf, verdictOf } from './verdict.mjs';

/**
 * What became of a guard: of its tests, and how long they took without it.
 * @typedef {import('./verdict.mjs').Outcome & { test: string, seconds: number }} Tried
 */

/**
 * Removes guards one by one and sees what their tests say. First, all of these run as the tree is: one that fails already
 * would seem to notice everything.
 * @param {object} work
 * @param {readonly import('./guards-in.mjs').Guard[]} work.guards
 * @param {ReadonlyMap<string, string>} work.fileOf the test file, by the guard's name
 * @param {import('./test-runs.mjs').TestRuns} work.runs
 * @param {number} work.jobs
 * @param {Promise<ReadonlyMap<string, string>>} work.typeErrors of what stands there without a guard, by its name
 * @param {(guard: import('./guards-in.mjs').Guard, tried: Tried) => void} work.done
 * @returns {Promise<Map<string, Tried>>} in the order of the guards
 */
export async function tryGuards({ guards, fileOf, runs, jobs, typeErrors, done }) {
  const before = await runUnchanged(guards, fileOf, runs, jobs);
  const errors = await typeErrors;
  const outcomes = new Map(guards.map(({ name }) => [name, undefined]));
  await each(guards, jobs, async (guard, worker) => {
    const { name, file } = guard;
    const { outcome, test } = before.get(name);
    const unusable = errors.has(name) ? `without: ${errors.get(name)}` : unusableBefore(outcome);
    const begun = performance.now();
    const source = () => ({ file, text: withoutGuard(readFileSync(`${repository}/${file}`, 'utf8'), guard) });
    const verdict =
      unusable === undefined
        ? verdictOf(await runs.runWith(fileOf.get(name), patternOf([name]), worker, source()), name)
        : { verdict: 'broken', detail: unusable };
    const tried = { ...verdict, test, seconds: (performance.now() - begun) / 1000 };
    outcomes.set(name, tried);
    done(guard, tried);
  });
  return outcomes;
}

async function runUnchanged(guards, fileOf, runs, jobs) {
  const byFile = Map.groupBy(guards, ({ name }) => fileOf.get(name));
  const queue = [...byFile.keys()];
  const pattern = patternOf(guards.map(({ name }) => name));
  const before = new Map();
  const keep = (file, result) => {
    for (const { name } of byFile.get(file))
      before.set(name, { outcome: verdictOf(result, name), test: titleOf(testsOf(result.tests, name)) });
  };
  await Promise.all(Array.from({ length: jobs }, (_, index) => runs.runFiles(queue, pattern, index + 1, keep)));
  return before;
}

function unusableBefore({ verdict, detail }) {
  return verdict === 'survived' ? undefined : `the test does not pass with the guard in place: ${detail}`;
}

function titleOf(tests) {
  const [first, ...others] = tests.map(({ fullName }) => withoutTags(fullName));
  return others.length === 0 ? (first ?? '') : `${first} (and ${others.length} more)`;
}

function patternOf(names) {
  return names.map((name) => tagOf('guard', name).replaceAll(/[[\]]/g, '\\$&')).join('|');
}

/** Works through items, several at a time; each of those at work has a number of its own, from 1. */
async function each(items, jobs, work) {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: jobs }, async (_, index) => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item, index + 1);
    }),
  );
}
