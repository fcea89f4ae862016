#!/usr/bin/env node
import { existsSync } from 'node:fs';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 12)) {
  process.stderr.write(
    `bulla: error: Node ${process.versions.node} is too old, 22.12 or newer is needed.\nbulla: hint: run \`npm ci\` in the project: it brings its own Node 24 and npx then uses it.\n`,
  );
  process.exit(1);
}
const entry = new URL('../dist/main.js', import.meta.url);
if (!existsSync(entry)) {
  process.stderr.write(
    'bulla: error: the build is missing.\nbulla: hint: run `npm run build` in the project folder, or `npm start`, which builds first.\n',
  );
  process.exit(1);
}
await import(entry.href);
