#!/usr/bin/env node
/** Letters by `bulla seal` and `bulla open`, as somebody at a terminal makes them: `command-peer.js bulla`. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [program, ...first] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'bulla-command-'));
process.once('exit', () => rmSync(folder, { recursive: true }));

/** A refusal with the code that the command says at the end of its line. */
class Refused extends Error {}

function write(name, content) {
  const path = join(folder, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}
const keyFile = (name, jwk) => write(name, JSON.stringify(jwk));

function bulla(args, input = '') {
  const { status, stdout, stderr } = spawnSync(program, [...first, ...args], { input });
  const said = stderr.toString();
  if (status === 0) return { stdout, said };
  const code = /^bulla: error: .*\(([a-z_]+)(, check [\w-]+)?\)$/m.exec(said)?.[1];
  if (code === undefined) throw new Error(`ended with ${status}: ${said}`);
  throw new Refused(code);
}

/** The command dates letters by its own clock, and names them as their files are named. */
function seal({ content, name, sender, recipient }, ...options) {
  const args = ['seal', ...options, '--to', keyFile('to.jwk', recipient), '--from', keyFile('from.jwk', sender)];
  const bytes = Buffer.from(content, 'base64url');
  return (name === undefined ? bulla(args, bytes) : bulla([...args, write(name, bytes)])).stdout;
}

function open(sealed, { recipient, sender }) {
  const output = join(folder, 'content');
  rmSync(output, { force: true });
  const keys = ['--key', keyFile('key.jwk', recipient), '--sender', keyFile('sender.jwk', sender)];
  const { said } = bulla(['open', write('letter.jwe', sealed), ...keys, '-o', output]);
  const [, dated, name] = /dated (\S+Z)(?:, called (.*))?$/m.exec(said) ?? [];
  const content = readFileSync(output).toString('base64url');
  return { content, at: Date.parse(dated) / 1000, ...(name !== undefined && { name }) };
}

const FORMATS = {
  letter: {
    seal: (input) => ({ token: seal(input).toString().replace(/\n$/, ''), clock: true }),
    open: (input) => open(input.token, input),
  },
  'streamed-letter': {
    seal: (input) => ({ sealed: seal(input, '--stream').toString('base64url'), clock: true }),
    open: (input) => open(Buffer.from(input.sealed, 'base64url'), input),
  },
};

function answer({ op, format, input }) {
  if (op === 'hello')
    return {
      ok: { name: 'bulla seal and bulla open', seal: Object.keys(FORMATS), open: Object.keys(FORMATS), verify: [] },
    };
  const run = FORMATS[format]?.[op];
  if (run === undefined) return { unsupported: true };
  try {
    return { ok: run(input) };
  } catch (error) {
    return error instanceof Refused ? { refused: error.message } : { failed: String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  process.stdout.write(`${JSON.stringify({ id: request.id, ...answer(request) })}\n`);
}
