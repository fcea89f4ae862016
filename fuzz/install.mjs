// Installs what fuzzes when its lock file changed; no script of any package is run.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const FOLDER = import.meta.dirname;
const STAMP = `${FOLDER}/node_modules/.stamp`;
const wanted = createHash('sha256')
  .update(readFileSync(`${FOLDER}/package-lock.json`))
  .digest('hex');

if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== wanted) {
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: FOLDER,
    stdio: ['ignore', 2, 2],
  });
  if (status === 0) writeFileSync(STAMP, wanted);
  process.exitCode = status ?? 1;
}
