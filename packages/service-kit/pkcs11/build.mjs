import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

// Installs the binding and compiles it: with the machine's own compiler, against the headers of Node-API alone, so that
// nothing is fetched but what the lock file names, and what comes out works with every Node.

const folder = import.meta.dirname;
const binding = join(folder, 'node_modules/pkcs11js');
const out = join(binding, 'build/Release');

/** @param {string} command @param {readonly string[]} args */
function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: folder, stdio: 'inherit' });
  if (error === undefined && status === 0) return;
  const why = error === undefined ? `ended with ${status}` : /** @type {NodeJS.ErrnoException} */ (error).code;
  process.stderr.write(
    `bulla: error: ${command}: ${why}\nbulla: hint: it needs npm and a C++ compiler (Debian: g++)\n`,
  );
  process.exit(1);
}

run('npm', ['ci', '--ignore-scripts', '--prefer-offline', '--loglevel=error']);
mkdirSync(out, { recursive: true });
const flags = ['-std=c++17', '-O2', '-shared', '-fPIC', '-fvisibility=hidden', '-DNAPI_DISABLE_CPP_EXCEPTIONS'];
const headers = ['-I', join(folder, 'node_modules/node-api-headers/include'), '-I', join(binding, 'includes')];
const sources = ['dl', 'common', 'main'].map((name) => join(binding, `src/${name}.cpp`));
run(process.env['CXX'] ?? 'c++', [...flags, ...headers, ...sources, '-o', join(out, 'pkcs11.node')]);
