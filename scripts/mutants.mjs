// `npm run mutants`: removes the guards of test/mutants.json one by one, each in a copy of the tree, and sees that the
// test named beside it fails. `-- --only <id>` tries one (may be repeated), `--jobs <n>` several at a time, `--write`
// keeps the output in test/mutants.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { MutantCopy } from './mutant-copy.mjs';
import { verdictOf } from './mutant-verdict.mjs';
import { repository } from './workspaces.mjs';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    jobs: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
  },
});

const list = JSON.parse(readFileSync(`${repository}/test/mutants.json`, 'utf8'));
const unknown = (options.only ?? []).filter((id) => !list.some((mutant) => mutant.id === id));
if (unknown.length > 0) throw new Error(`no such mutant: ${unknown.join(', ')}`);
const chosen = options.only === undefined ? list : list.filter(({ id }) => options.only.includes(id));

const copies = [];
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    removeCopies();
    process.exit(130);
  });
}

try {
  const jobs = Math.min(Number(options.jobs), chosen.length);
  for (let job = 0; job < jobs; job++) copies.push(new MutantCopy());
  const broken = await runUnchanged();
  const outcomes = await runChanged(broken);
  report(outcomes);
} finally {
  removeCopies();
}

/** Every test as the tree is: one that fails already would seem to notice everything. Returns what is wrong, by test. */
async function runUnchanged() {
  const files = [...Map.groupBy(chosen, ({ test }) => test.file).values()].map((mutants) =>
    mutants.map(({ test }) => test),
  );
  const broken = new Map();
  await each(files, async (copy, tests) => {
    const names = [...new Set(tests.map(({ name }) => name))];
    const result = await copy.run(tests[0], names);
    for (const name of names) {
      const { verdict, detail } = verdictOf(result, name);
      if (verdict !== 'survived') broken.set(`${tests[0].file} ${name}`, detail);
    }
  });
  return broken;
}

async function runChanged(broken) {
  const outcomes = new Map();
  await each(chosen, async (copy, mutant) => {
    const before = broken.get(`${mutant.test.file} ${mutant.test.name}`);
    const outcome =
      before === undefined
        ? verdictOf(await copy.runMutant(mutant), mutant.test.name)
        : { verdict: 'broken', detail: `the test does not pass with the guard in place: ${before}` };
    outcomes.set(mutant.id, outcome);
    const why = outcome.verdict === 'broken' ? `: ${outcome.detail}` : '';
    console.log(`${outcome.verdict.padEnd(8)} ${mutant.id}${why}`);
  });
  return outcomes;
}

function report(outcomes) {
  const isGood = ({ id, survives }) => outcomes.get(id).verdict === (survives ? 'survived' : 'killed');
  const mutants = chosen.filter(({ survives }) => !survives);
  const count = (verdict) => mutants.filter(({ id }) => outcomes.get(id).verdict === verdict).length;
  const closing = `${mutants.length} mutants: ${count('killed')} killed, ${count('survived')} survived, ${count('broken')} broken`;
  const controls = chosen.filter(({ survives }) => survives);
  const control = controls.every(isGood) ? 'survived, as it must' : 'did not survive';
  const closings = controls.length > 0 ? [closing, `the control, which removes nothing, ${control}`] : [closing];
  for (const line of closings) console.log(line);
  if (options.write) writeFileSync(`${repository}/test/mutants.md`, page(outcomes, closings));
  process.exitCode = chosen.every(isGood) ? 0 : 1;
}

function page(outcomes, closings) {
  const rows = chosen.map(({ id, guard, test, why }) => {
    const cells = [`\`${id}\``, why, `\`${guard.file}\``, `${test.name} (\`${test.file}\`)`, outcomes.get(id).verdict];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return [
    '# Mutants',
    '',
    'Written by `npm run mutants -- --write` from `mutants.json`: each guard was removed, and the test beside it failed.',
    '',
    '| mutant | what would be lost | guard in | noticed by | |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    closings.join('; '),
    '',
  ].join('\n');
}

/** Works through items with all copies at once. */
async function each(items, work) {
  const queue = [...items];
  await Promise.all(
    copies.map(async (copy) => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(copy, item);
    }),
  );
}

function removeCopies() {
  for (const copy of copies) copy.remove();
}
