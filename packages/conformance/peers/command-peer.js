#!/usr/bin/env node
/** `bulla seal` and `bulla open` as an implementation that the runner can start: `command-peer.js bulla`. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answerLines } from '@bulla/conformance';
import { commandPeer } from './command.js';

const [program, ...first] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'bulla-command-'));
process.once('exit', () => rmSync(folder, { recursive: true }));

function run(args, input) {
  const { status, stdout, stderr } = spawnSync(program, [...first, ...args], { input });
  return { status, stdout, stderr: stderr.toString() };
}

await answerLines(process.stdin, process.stdout, commandPeer(folder, run));
