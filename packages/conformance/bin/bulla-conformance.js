#!/usr/bin/env node
import { existsSync } from 'node:fs';

const entry = new URL('../dist/index.js', import.meta.url);
if (!existsSync(entry)) {
  process.stderr.write('bulla-conformance: error: the build is missing: run `npm run build` in the project folder.\n');
  process.exit(1);
}
const { conform } = await import(entry.href);
process.exitCode = await conform(process.argv.slice(2), (text) => process.stdout.write(text));
