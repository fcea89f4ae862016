import { spawnSync } from 'node:child_process';
import process from 'node:process';

// Installs llama.cpp as its packager compiled it: for the processor, of Linux on x64. No script of a package is run, and
// nothing is fetched but what the lock file names; packages for graphics cards are optional ones, and are left out.

const args = ['ci', '--ignore-scripts', '--omit=optional', '--prefer-offline', '--loglevel=error'];
const { status, error } = spawnSync('npm', args, { cwd: import.meta.dirname, stdio: 'inherit' });
if (error !== undefined || status !== 0) {
  const why = error === undefined ? `ended with ${status}` : /** @type {NodeJS.ErrnoException} */ (error).code;
  process.stderr.write(`bulla: error: npm: ${why}\nbulla: hint: it needs npm, and Linux on x64\n`);
  process.exit(1);
}
