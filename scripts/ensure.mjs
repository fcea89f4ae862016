// Brings a clone into a state that can run: packages installed, sources built. `npm start` and `npm test` begin with it.
// It runs on the machine's own Node (18 or newer) before anything is installed, hence plain JavaScript and no package.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { withLockFile } from './lock-file.mjs';
import { obstacle, thisMachine } from './supported-machine.mjs';
import { repository, workspaces } from './workspaces.mjs';

const SIGNALS = ['SIGINT', 'SIGTERM'];
/** How long nothing is said. */
const QUIET_MS = 3_000;
const STAMP = 'node_modules/.stamp';
/** Says where the compiler is that is installed for this machine: TypeScript 7, whose `bin/tsc` is a Node to start it. */
const COMPILER = '../node_modules/typescript-7/lib/getExePath.js';
/** One checker of types at a time takes the least. */
const BUILD = ['-b', '--checkers', '1'];
const INSTALL = 'ci --include=dev --include=optional --ignore-scripts --no-audit --no-fund --loglevel=error'.split(' ');

process.chdir(repository);
// Under `npm test` a type error is one failed check among others: the compiler writes its output all the same.
const typeErrorsMayPass = process.argv.includes('--type-errors-may-pass');
try {
  const reason = obstacle(thisMachine());
  if (reason !== undefined) throw new Error(reason);
  await withLockFile('.cache/ensure.lock', installAndBuild, () => say('another process is installing, waiting for it'));
} catch (error) {
  say(`error: ${error.message}`);
  process.exitCode = 1;
}

/** @param {(pid: number) => void} share keeps the lock for the programs started here, should this one be killed */
async function installAndBuild(share) {
  await install(share);
  await build(share);
}

/** Installs exactly what the lock file says, when that changed. No package's own script is run. */
async function install(share) {
  const wanted = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex');
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return;
  say('installing packages, about a minute the first time');
  if (!(await succeeds('npm', INSTALL, share))) throw new Error('the packages could not be installed.');
  writeFileSync(STAMP, wanted);
}

/** Builds what changed. The compiler trusts its own notes, so it has to be told when a dist folder was removed. */
async function build(share) {
  const whole = workspaces().every(({ folder }) => existsSync(`${folder}/dist/index.js`));
  // Where nothing changed it takes a moment, which needs no word.
  const waiting = setTimeout(say, QUIET_MS, 'building what changed, up to a minute');
  const { default: compiler } = await import(COMPILER);
  const built = await succeeds(compiler(), whole ? BUILD : [...BUILD, '--force'], share).finally(() =>
    clearTimeout(waiting),
  );
  if (built || typeErrorsMayPass) return;
  throw new Error('the sources could not be built.');
}

/** Runs a program with the project's own Node first on the path. Standard output stays free for the caller. */
async function succeeds(command, args, share) {
  const path = `${repository}/node_modules/.bin:${process.env.PATH}`;
  const child = spawn(command, args, { stdio: ['inherit', 2, 2], env: { ...process.env, PATH: path } });
  const ended = once(child, 'close');
  const stop = (signal) => child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    if (child.pid !== undefined) share(child.pid);
    const [code] = await ended;
    return code === 0;
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
  }
}

function say(line) {
  process.stderr.write(`bulla: ${line}\n`);
}
