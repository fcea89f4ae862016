// `npm run mutants [-- NAME…]`: removes the guards of the sources one by one, and sees that the test named for each fails.
// `-- --changed [COMMIT]` tries those of files that changed, `--jobs <n>` several at a time, `--write` keeps the page.
import { execFileSync, fork } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chosenGuards, readArguments } from './guards/arguments.mjs';
import { readInventory } from './guards/inventory.mjs';
import { pageOf } from './guards/page.mjs';
import { TestRuns } from './guards/test-runs.mjs';
import { tryGuards } from './guards/try-guards.mjs';
import { closingLine, isAsItMust } from './guards/verdict.mjs';
import { repository } from './workspaces.mjs';

const PAGE = `${repository}/test/results/mutants.md`;
const begun = performance.now();
const secondsSince = () => (performance.now() - begun) / 1000;

const { wanted, guards, fileOf } = chosen();
const runs = await TestRuns.start(guards.map(({ name }) => fileOf.get(name)));
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    console.log(`stopped by ${signal}`);
    void runs.end().finally(() => process.exit(130));
  });
}

try {
  const jobs = Math.max(1, Math.min(wanted.jobs, guards.length));
  const work = { guards, fileOf, runs, jobs, typeErrors: typeErrorsOf(guards), done: progressOf(guards.length) };
  const outcomes = await tryGuards(work);
  if (wanted.write) writePage(outcomes, jobs);
  for (const [name, outcome] of outcomes)
    if (!isAsItMust(name, outcome)) console.log(`${outcome.verdict} ${name}: ${outcome.detail}`);
  console.log(closingLine(outcomes, secondsSince()));
  process.exitCode = [...outcomes].every(([name, outcome]) => isAsItMust(name, outcome)) ? 0 : 1;
} finally {
  await runs.end();
}

/** What was asked for. Ends with the reason where it cannot be done. */
function chosen() {
  try {
    const asked = readArguments(process.argv.slice(2));
    const inventory = readInventory();
    if (inventory.errors.length > 0) throw new Error(`guards and tests do not fit:\n${inventory.errors.join('\n')}`);
    const tags = inventory.tags.filter(({ kind }) => kind === 'guard');
    return {
      wanted: asked,
      guards: chosenGuards(inventory, asked),
      fileOf: new Map(tags.map(({ name, file }) => [name, file])),
    };
  } catch (error) {
    console.error(`mutants: ${error.message}`);
    return process.exit(2);
  }
}

/** In a process of its own: it takes as long as many tests. */
function typeErrorsOf(all) {
  const written = all.filter(({ isWritten }) => isWritten);
  if (written.length === 0) return Promise.resolve(new Map());
  const child = fork(fileURLToPath(new URL('guards/types-process.mjs', import.meta.url)));
  const { promise, resolve, reject } = Promise.withResolvers();
  child.once('message', (errors) => resolve(new Map(errors)));
  child.once('close', (code) => reject(new Error(`the type check ended with ${code}`)));
  child.send(written);
  return promise;
}

function progressOf(total) {
  let count = 0;
  return (guard, { verdict, detail, seconds }) => {
    const why = isAsItMust(guard.name, { verdict }) ? '' : `: ${detail}`;
    console.log(`[${++count}/${total}] ${verdict.padEnd(8)} ${guard.name} (${seconds.toFixed(1)} s)${why}`);
  };
}

function writePage(outcomes, jobs) {
  const git = (...args) => execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).trim();
  const isClean = git('status', '--porcelain') === '';
  const commit = `\`${git('rev-parse', '--short=12', 'HEAD')}\`${isClean ? '' : ' and changes'}`;
  const rows = guards.map(({ name, file }) => ({ name, file, ...outcomes.get(name) }));
  const date = new Date().toISOString().slice(0, 10);
  mkdirSync(dirname(PAGE), { recursive: true });
  writeFileSync(PAGE, pageOf({ commit, date, seconds: secondsSince(), jobs, rows }));
}
