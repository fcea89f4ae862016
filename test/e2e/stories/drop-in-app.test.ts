import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FakeOpenai } from '@bulla/testkit';
import { startFakeOpenai } from '@bulla/testkit';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningCommand, startUp } from '../../bulla-command.js';
import { environment } from '../../bulla-process.js';
import { type RunningProxy, startProxy } from './running-proxy.js';
import { succeed } from './second-person.js';

// S5: `bulla proxy`, and an existing app with nothing but its base URL changed.

const APP = join(import.meta.dirname, 'drop-in-app.mjs');
const SAID = ['It ', 'rains.'];

let folder: string;
let owner: Readonly<Record<string, string>>;
let fake: FakeOpenai;
let running: RunningCommand;
let proxy: RunningProxy;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-s5-'));
  owner = { BULLA_HOME: join(folder, 'home') };
  fake = await startFakeOpenai({ models: ['small'], replies: answerTo });
  running = await startUp({ ...owner, BULLA_LLM: `openai:${fake.url}`, BULLA_LLM_MODEL: 'small' });
  const prompt = ['prompt', 'push', 'claims/triage', '-f', '-', '--label', 'production'];
  await succeed(prompt, owner, 'Sort by urgency: {{claim}}\n');
  proxy = await startProxy(owner);
});
afterAll(async () => {
  await proxy.stop();
  await running.stop();
  await fake.stop();
  await rm(folder, { recursive: true, force: true });
});

function answerTo(asked: object) {
  const isForTools = 'tool_choice' in asked;
  return isForTools
    ? { tokens: [], toolCalls: [{ index: 0, id: 'call_1', name: 'look', arguments: '{}' }] }
    : { tokens: SAID };
}

/** Runs the app as a process that has these variables. */
async function runApp(settings: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [APP], { env: environment(settings), stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (part: Buffer) => (stdout += part.toString()));
  child.stderr.on('data', (part: Buffer) => (stderr += part.toString()));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout, stderr };
}

interface Status {
  readonly calls: number;
  readonly verified: number;
  readonly coalesced: number;
  readonly faults: object;
}

async function standing(): Promise<Status> {
  const settings = { ...owner, BULLA_PROXY_TOKEN: proxy.app['OPENAI_API_KEY'] ?? '' };
  return JSON.parse((await succeed(['proxy', 'status', '--json'], settings)).stdout) as Status;
}

describe('an app that exists already', () => {
  it('works with its base URL changed, and all that it is told was verified', async () => {
    const { status, stdout, stderr } = await runApp(proxy.app);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      whole: SAID.join(''),
      verified: 'true',
      streamed: SAID.join(''),
      tool: 'look',
      response: SAID.join(''),
      models: expect.arrayContaining(['small', 'prompt:claims/triage']),
      embedding: true,
      prompt: SAID.join(''),
    });
    const asked = fake.requests.filter(({ path }) => path.endsWith('/chat/completions'));
    expect(asked.at(-1)?.body.toString()).toContain('Sort by urgency: Water is flowing.');
    expect(asked.every(({ headers }) => !JSON.stringify(headers).includes(proxy.app['OPENAI_API_KEY'] ?? ''))).toBe(
      true,
    );
    const { calls, verified, faults } = await standing();
    expect({ calls, faults }).toEqual({ calls: 7, faults: {} });
    // All but the list of models, which is nobody's answer.
    expect(verified).toBe(6);
    expect(proxy.stderr()).toBe('');
  });

  it('that gives up waiting and asks again, as SDKs do by themselves, gets the answer and is charged once', async () => {
    const asked = () => fake.requests.filter(({ path }) => path.endsWith('/chat/completions')).length;
    const before = asked();
    const counted = await standing();
    fake.follow({ replies: { tokens: SAID, delayBeforeHeadersMs: 1_500 } });
    const client = new OpenAI({
      baseURL: proxy.app['OPENAI_BASE_URL'],
      apiKey: proxy.app['OPENAI_API_KEY'],
      timeout: 700,
      maxRetries: 5,
    });
    const messages = [{ role: 'user' as const, content: 'How is the weather, after all?' }];
    const { choices } = await client.chat.completions.create({ model: 'small', messages });
    fake.follow({ replies: answerTo });
    expect(choices[0]?.message.content).toBe(SAID.join(''));
    expect(asked()).toBe(before + 1);
    const { calls, verified, coalesced } = await standing();
    expect([calls - counted.calls, verified - counted.verified]).toEqual([1, 1]);
    expect(coalesced).toBeGreaterThan(0);
  });

  it('is told that its key is wrong as by its provider', async () => {
    const { status, stderr } = await runApp({ ...proxy.app, OPENAI_API_KEY: 'sk-of-another-provider' });
    expect(status).toBe(1);
    expect(stderr).toContain('AuthenticationError: 401');
    expect(stderr).not.toContain('sk-of-another-provider');
  });
});
