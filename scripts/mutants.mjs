// `npm run mutants`: removes the guards of test/mutants.json one by one, each in a copy of the tree, and sees that the
// test named beside it fails. `-- --only <id>` tries one (may be repeated), `--jobs <n>` several at a time, `--write`
// keeps the output in test/mutants.md as it comes; there, those that were not tried keep what became of them. `--untried`
// goes on where an earlier run ended.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { MutantCopy } from './mutant-copy.mjs';
import { fingerprintOf, outcomesOn, verdictOf } from './mutant-verdict.mjs';
import { repository } from './workspaces.mjs';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    jobs: { type: 'string', default: '1' },
    untried: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});

const PAGE = `${repository}/test/mutants.md`;
const list = JSON.parse(readFileSync(`${repository}/test/mutants.json`, 'utf8'));
const unknown = (options.only ?? []).filter((id) => !list.some((mutant) => mutant.id === id));
if (unknown.length > 0) throw new Error(`no such mutant: ${unknown.join(', ')}`);
const chosen = list.filter(
  (mutant) => (options.only?.includes(mutant.id) ?? true) && !(options.untried && verdictBefore(mutant) !== 'untried'),
);

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
    if (options.write) writePage(outcomes);
    const why = outcome.verdict === 'broken' ? `: ${outcome.detail}` : '';
    console.log(`${outcome.verdict.padEnd(8)} ${mutant.id}${why}`);
  });
  return outcomes;
}

function report(outcomes) {
  console.log(closing(chosen, outcomes));
  process.exitCode = chosen.every(({ id, survives }) => outcomes.get(id).verdict === (survives ? 'survived' : 'killed'))
    ? 0
    : 1;
}

function closing(mutants, outcomes) {
  const count = (verdict, ofControls) =>
    mutants.filter(({ id, survives = false }) => survives === ofControls && outcomes.get(id)?.verdict === verdict)
      .length;
  const controls = mutants.filter(({ survives }) => survives).length;
  const killed = `${mutants.length - controls} mutants: ${count('killed', false)} killed, ${count('survived', false)} survived`;
  const control = count('survived', true) === controls ? 'survived, as it must' : 'did not survive';
  return controls === 0 ? killed : `${killed}; the control, which removes nothing, ${control}`;
}

function writePage(tried) {
  const outcomes = new Map(
    list.map((mutant) => [mutant.id, tried.get(mutant.id) ?? { verdict: verdictBefore(mutant) }]),
  );
  const rows = list.map((mutant) => {
    const { id, guard, test, why } = mutant;
    const verdict = `${outcomes.get(id).verdict} \`${fingerprintOf(mutant)}\``;
    const cells = [`\`${id}\``, why, `\`${guard.file}\``, `${test.name} (\`${test.file}\`)`, verdict];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  const page = [
    '# Mutants',
    '',
    'Written by `npm run mutants -- --write` from `mutants.json`: each guard was removed, and the test beside it failed.',
    '',
    '| mutant | what would be lost | guard in | noticed by | |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    closing(list, outcomes),
    '',
  ];
  // In one step: whoever runs other mutants at the same time reads it.
  writeFileSync(`${PAGE}.${process.pid}`, page.join('\n'));
  renameSync(`${PAGE}.${process.pid}`, PAGE);
}

/** What the page says of a mutant, if it is the same as then. */
function verdictBefore(mutant) {
  const known = existsSync(PAGE) ? outcomesOn(readFileSync(PAGE, 'utf8')).get(mutant.id) : undefined;
  return known?.fingerprint === fingerprintOf(mutant) ? known.verdict : 'untried';
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
