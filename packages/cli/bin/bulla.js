#!/usr/bin/env node
// It has to run, and to say what is wrong, under every Node that somebody may have: hence plain JavaScript.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import module from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const own = fileURLToPath(import.meta.url);

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 12);
}

/** The Node that is installed beside the project's packages, which `npx` would have taken. */
function packagedNode() {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  for (let folder = dirname(own); folder !== dirname(folder); folder = dirname(folder)) {
    const home = join(folder, 'node_modules', name);
    const program = join(home, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    if (existsSync(program) && isNewEnough(JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')).version))
      return program;
  }
  return undefined;
}

/** Runs this program again, with everything that this one has; what ends this one ends that one. */
function runUnder(program) {
  const child = spawn(program, [own, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', refuse);
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function refuse() {
  process.stderr.write(
    `bulla: error: Node ${process.versions.node} is too old, 22.12 or newer is needed.\nbulla: hint: in the clone run \`npm ci\`, which brings a Node 24 of its own; elsewhere install Node 22.12 or newer.\n`,
  );
  process.exit(1);
}

if (isNewEnough(process.versions.node)) {
  const entry = new URL('../dist/main.js', import.meta.url);
  if (!existsSync(entry)) {
    process.stderr.write(
      'bulla: error: the build is missing.\nbulla: hint: run `npm run build` in the project folder, or `npm start`, which builds first.\n',
    );
    process.exit(1);
  }
  // Half of a start is compiling. What Node keeps of it stands beside the program, where only those can write who could
  // change the program itself, and not in the folder for everybody's temporary files.
  module.enableCompileCache(fileURLToPath(new URL('../.compile-cache', import.meta.url)));
  await import(entry.href);
} else {
  const program = packagedNode();
  if (program === undefined) refuse();
  else runUnder(program);
}
