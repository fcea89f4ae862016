import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { environment } from '../../../test/bulla-process.js';
import type { Running } from './world.js';
import { World } from './world.js';

const PROGRAM = join(import.meta.dirname, '../bin/bulla.js');
let world: World;
let services: Running;
beforeAll(async () => {
  world = await World.make();
  services = await world.up('organisation');
});
afterAll(async () => {
  await services.stop();
  await world.remove();
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `bulla exec` as a process, whose streams the command has. */
function start(command: readonly string[], settings: Record<string, string> = {}) {
  const env = environment({ BULLA_HOME: world.path('home'), ...settings });
  const child = spawn(process.execPath, [PROGRAM, 'exec', '--', ...command], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (part: Buffer) => (said[name] += part.toString()));
  const ended = (async (): Promise<Ended> => {
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, ...said };
  })();
  return { child, said, ended };
}

const node = (code: string, ...args: string[]) => [process.execPath, '--input-type=module', '-e', code, ...args];

async function holds(said: { readonly stdout: string }, text: string, child: ChildProcess): Promise<void> {
  while (!said.stdout.includes(text)) {
    if (child.exitCode !== null) throw new Error(`it ended: ${said.stdout}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const APP = `
const { OPENAI_BASE_URL: base, OPENAI_API_KEY: key, ANTHROPIC_BASE_URL: other, ANTHROPIC_API_KEY: same } = process.env;
const response = await fetch(base + '/chat/completions', {
  method: 'POST',
  headers: { authorization: 'Bearer ' + key, 'content-type': 'application/json' },
  body: JSON.stringify({ model: 'default', messages: [{ role: 'user', content: 'Water is in the cellar.' }] }),
});
const { choices } = await response.json();
console.log(response.status, response.headers.get('x-bulla-verified'), typeof choices[0].message.content);
console.log(base === other + '/v1', key === same, key.length > 40, process.argv.join(' ').includes(key));
console.log(process.env.BULLA_PASSPHRASE, process.env.BULLA_PROXY_TOKEN, process.argv.slice(1).join(' '));
`;

describe('bulla exec', () => {
  it('gives one command a proxy, by the names that SDKs of both vendors read', async () => {
    const secrets = { BULLA_PASSPHRASE: 'of no use to an app', BULLA_PROXY_TOKEN: 'neither-is-this-one' };
    const { code, stdout, stderr } = await start(node(APP, '--', '--json', 'x'), secrets).ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe('200 true string\ntrue true true false\nundefined undefined --json x\n');
  });

  it('has a key that only the command is told: not in its own words, nor in those of the command line', async () => {
    const { child, said, ended } = start(node(`console.log(process.env.OPENAI_API_KEY); setInterval(() => 0, 1000)`));
    await holds(said, 'bulla-', child);
    const key = said.stdout.trim();
    const listed = spawn('ps', ['-eo', 'args']);
    let all = '';
    listed.stdout.on('data', (part: Buffer) => (all += part.toString()));
    await once(listed, 'close');
    expect(all).toContain('bulla.js exec');
    expect(all).not.toContain(key);
    child.kill('SIGTERM');
    expect((await ended).stderr).not.toContain(key);
  });

  it.each([
    ['its exit code', 'process.exit(7)', 7],
    ['the signal that ended it', 'process.kill(process.pid, "SIGKILL")', 137],
  ])('ends as the command ends: %s', async (_what, code, expected) => {
    expect((await start(node(code)).ended).code).toBe(expected);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('passes %s on, as often as it comes, and waits', async (signal) => {
    const code = `let n = 0; process.on('${signal}', () => { console.log('got', ++n); if (n === 2) process.exit(3) });
      setInterval(() => 0, 1000); console.log('ready')`;
    const { child, said, ended } = start(node(code));
    await holds(said, 'ready', child);
    child.kill(signal);
    await holds(said, 'got 1', child);
    child.kill(signal);
    expect(await ended).toEqual({ code: 3, stdout: 'ready\ngot 1\ngot 2\n', stderr: '' });
  });

  it('ends its proxy with the command', async () => {
    const { stdout } = await start(node('console.log(process.env.OPENAI_BASE_URL)')).ended;
    await expect(fetch(`${stdout.trim()}/models`)).rejects.toThrow('fetch failed');
  });

  it('hands standard input to the command', async () => {
    const { child, ended } = start(['cat']);
    child.stdin.end('one\ntwo\n');
    expect(await ended).toMatchObject({ code: 0, stdout: 'one\ntwo\n' });
  });

  it.each([
    ['there is none', ['/nowhere/no-such-program'], 127, 'cannot be run (ENOENT)'],
    ['it is not a program', ['/etc/hostname'], 126, 'cannot be run (EACCES)'],
    ['it is missing', [], 2, "missing required argument 'command'"],
  ])('says that it cannot run the command: %s', async (_why, command, code, said) => {
    const ended = await start(command).ended;
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(said)]);
  });
});
