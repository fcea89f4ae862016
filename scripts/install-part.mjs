// Installs a folder that has a lock file of its own, where that changed since; no script of any package is run.
// Usage: node scripts/install-part.mjs FOLDER…
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { repository } from './workspaces.mjs';

const INSTALL = ['ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];

for (const name of process.argv.slice(2)) {
  const folder = `${repository}/${name}`;
  const stamp = `${folder}/node_modules/.stamp`;
  const wanted = createHash('sha256')
    .update(readFileSync(`${folder}/package-lock.json`))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) continue;
  const { status } = spawnSync('npm', INSTALL, { cwd: folder, stdio: ['ignore', 2, 2] });
  if (status === 0) writeFileSync(stamp, wanted);
  process.exitCode ||= status ?? 1;
}
