// `node fuzz/replay.mjs <target> <file>`: gives one input to a target, without a fuzzer, and lets it fail.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { targetNames, targetOf } from './targets.mjs';

const [name = '', file = ''] = process.argv.slice(2);
if (!targetNames().includes(name)) throw new Error(`there is no target ${name}`);
const { fuzz } = await import(pathToFileURL(targetOf(name).module).href);
const accepted = await fuzz(readFileSync(file));
process.stdout.write(`${name}: ${accepted ? 'accepted' : 'refused'}, as it may be\n`);
