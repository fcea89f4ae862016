import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type RunningCommand, startUp } from '../../bulla-command.js';
import { succeed } from './second-person.js';

// A site without a way out: everything that runs a prompt is on this machine, and nothing of it looks further.

/** Addresses that this process tried to reach, all services and commands of the test among them. */
const tried = new Set<string>();
const note = (message: unknown) => {
  const { socket } = message as { readonly socket: Socket };
  socket.on('connectionAttempt', (address) => tried.add(address));
};
const isOutside = (address: string) => !/^(127\.|::1$|::ffff:127\.)/.test(address);

let folder: string;
let running: RunningCommand;
let settings: Readonly<Record<string, string>>;
beforeAll(async () => {
  subscribe('net.client.socket', note);
  folder = await mkdtemp(join(tmpdir(), 'bulla-s15-'));
  settings = { BULLA_HOME: join(folder, 'home'), BULLA_LLM: 'builtin:extract' };
  running = await startUp(settings);
});
afterAll(async () => {
  unsubscribe('net.client.socket', note);
  await running.stop();
  await rm(folder, { recursive: true, force: true });
});

it('stores, runs and verifies a prompt, and tries to reach nothing outside', async () => {
  const push = ['prompt', 'push', 'claims/triage', '-f', '-', '--label', 'production'];
  await succeed(push, settings, 'Water is urgent. Paper is not.\n\nIs {{claim}} urgent?\n');
  const { stdout } = await succeed(['run', 'claims/triage', '--var', 'claim=Water'], settings);
  expect(stdout).toContain('Water is urgent.');
  expect(tried.size).toBeGreaterThan(0);
  expect([...tried].filter(isOutside)).toEqual([]);
});

it('would have been seen if it tried', async () => {
  // An address that is nobody's (RFC 5737).
  const socket = connect({ host: '192.0.2.1', port: 9 }).on('error', () => {});
  await new Promise((resolve) => socket.once('connectionAttempt', resolve));
  socket.destroy();
  expect([...tried].filter(isOutside)).toEqual(['192.0.2.1']);
});
