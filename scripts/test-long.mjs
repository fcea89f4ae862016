// `npm run test:long`: everything that takes too long for `npm test`, before a release. Hours. `-- <part>…` runs only
// those parts. What each part ended with is kept in test/results/long.md, with its seed, commit and time; parts that did
// not run keep their rows.
import { execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { longPage, rowsOf } from './testing/long-page.mjs';
import { repository } from './workspaces.mjs';

const PAGE = `${repository}/test/results/long.md`;
const seed = Number(process.env.BULLA_TEST_SEED ?? randomInt(2 ** 31));

/** Each with the command that runs it alone. */
const PARTS = {
  tests: {
    script: 'test',
    args: ['--randomize'],
    environment: { BULLA_TEST_LONG: '1', BULLA_TEST_SEED: String(seed) },
  },
  apps: { script: 'test:apps', args: [], environment: { BULLA_TEST_LONG: '1', BULLA_TEST_SEED: String(seed) } },
  walks: { script: 'walks', args: ['--seed', String(seed), '--write'], environment: {} },
  forgeries: { script: 'forgeries', args: ['--seed', String(seed), '--write'], environment: {} },
  mutants: { script: 'mutants', args: ['--write'], environment: {} },
  fuzz: { script: 'fuzz', args: ['--seconds', '60', '--jobs', String(cpus().length), '--write'], environment: {} },
  stryker: { script: 'stryker', args: ['--changed'], environment: {} },
};

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PARTS);
const unknown = chosen.filter((name) => !(name in PARTS));
if (unknown.length > 0)
  throw new Error(`no part ${unknown.join(', ')} of the long run: ${Object.keys(PARTS).join(', ')}`);

let running;
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => running?.kill(signal));

for (const name of chosen) {
  const { script, args, environment } = PARTS[name];
  const command = [`npm run ${script}`, ...(args.length > 0 ? ['--', ...args] : [])].join(' ');
  console.log(`\n=== ${name}: ${command}\n`);
  const started = Date.now();
  const { code, lastLine, signal } = await run(['run', script, '--', ...args], environment);
  if (code !== 0) process.exitCode = 1;
  const given = Object.entries(environment).map(([key, value]) => `${key}=${value}`);
  keep({
    name,
    command: [...given, command].join(' '),
    outcome: `${code === 0 ? 'passed' : `failed (${signal ?? code})`}: ${lastLine}`,
    minutes: ((Date.now() - started) / 60_000).toFixed(1),
    commit: commitOfTree(),
    date: new Date().toISOString().slice(0, 10),
  });
  if (signal !== null) break;
}

/** @returns {Promise<{ code: number | null, signal: string | null, lastLine: string }>} */
async function run(args, environment) {
  const child = spawn('npm', args, {
    cwd: repository,
    env: { ...process.env, ...environment },
    stdio: ['inherit', 'pipe', 'inherit'],
  });
  running = child;
  let end = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    process.stdout.write(text);
    end = (end + text).slice(-4_000);
  });
  const [code, signal] = await new Promise((resolve) => child.on('close', (...how) => resolve(how)));
  return { code, signal, lastLine: end.trimEnd().split('\n').at(-1) ?? '' };
}

function keep(row) {
  const kept = existsSync(PAGE) ? rowsOf(readFileSync(PAGE, 'utf8')) : [];
  const rows = Object.keys(PARTS).flatMap((name) =>
    name === row.name ? [row] : kept.filter((one) => one.name === name),
  );
  mkdirSync(`${repository}/test/results`, { recursive: true });
  writeFileSync(
    PAGE,
    longPage(rows, `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}`),
  );
}

/** The commit, and whether the tree holds more than it. */
function commitOfTree() {
  const git = (...args) => execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).trim();
  const changed = git(
    'status',
    '--porcelain',
    '--',
    '.',
    ':!test/results',
    ':!fuzz/RESULTS.md',
    ':!stryker/RESULTS.md',
  );
  return git('rev-parse', '--short=8', 'HEAD') + (changed === '' ? '' : ' and more');
}
