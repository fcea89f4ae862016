import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { FakeOpenai } from '@bulla/testkit';
import { freePorts, startFakeOpenai } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningCommand, startUp } from '../../bulla-command.js';
import { type RunningProxy, startProxy } from './running-proxy.js';
import { succeed } from './second-person.js';

// S6: Open WebUI and LibreChat, whose connection points at the proxy. They ask by HTTP, in the shapes that their source makes.

const TOKENS = Array.from({ length: 400 }, (_, at) => `word${at} `);

let folder: string;
let fake: FakeOpenai;
let running: RunningCommand;
let proxy: RunningProxy;
/** Of the vault, and the responder behind it. */
const [metricsPort = 0, responderMetrics = 0] = await freePorts(2);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-s6-'));
  const owner = { BULLA_HOME: join(folder, 'home') };
  fake = await startFakeOpenai({ models: ['small'], replies: { tokens: ['It ', 'rains.'] } });
  running = await startUp({
    ...owner,
    BULLA_LLM: `openai:${fake.url}`,
    BULLA_LLM_MODEL: 'small',
    BULLA_METRICS_PORT: String(metricsPort),
  });
  await succeed(['prompt', 'push', 'claims/triage', '-f', '-', '--label', 'production'], owner, 'Sort.\n');
  proxy = await startProxy(owner);
});
afterAll(async () => {
  await proxy.stop();
  await running.stop();
  await fake.stop();
  await rm(folder, { recursive: true, force: true });
});

function ask(path: string, body?: object, signal?: AbortSignal): Promise<Response> {
  const headers = { authorization: `Bearer ${proxy.app['OPENAI_API_KEY']}`, 'content-type': 'application/json' };
  const method = body === undefined ? 'GET' : 'POST';
  return fetch(`${proxy.app['OPENAI_BASE_URL']}${path}`, {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal !== undefined && { signal }),
  });
}

const messages = [{ role: 'user', content: 'How is the weather?' }];
/** As LibreChat asks: always with these parameters. */
const LIBRECHAT = {
  model: 'small',
  messages,
  stream: true,
  temperature: 1,
  top_p: 1,
  presence_penalty: 0,
  frequency_penalty: 0,
  user: '65f0c0ffee',
};
/** As Open WebUI asks. */
const OPEN_WEBUI = { model: 'small', messages, stream: true, stream_options: { include_usage: true } };

/** How many runs ended so, as the metrics of the responder show it. */
async function metric(outcome: string): Promise<number | undefined> {
  const text = await (await fetch(`http://127.0.0.1:${responderMetrics}/metrics`)).text();
  const value = new RegExp(`^bulla_llm_requests_total\\{[^}]*outcome="${outcome}"[^}]*\\} (\\d+)`, 'm').exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

describe('a chat screen whose connection points at the proxy', () => {
  it('lists the models of the responder, and stored prompts beside them', async () => {
    const { object, data } = (await (await ask('/models')).json()) as {
      object: string;
      data: { id: string; object: string }[];
    };
    expect(object).toBe('list');
    expect(data.map(({ id }) => id)).toEqual(expect.arrayContaining(['small', 'prompt:claims/triage']));
    expect(data.every((one) => one.object === 'model')).toBe(true);
  });

  it.each([
    ['Open WebUI', OPEN_WEBUI],
    ['LibreChat', LIBRECHAT],
  ])('shows the answer as it comes: %s', async (_screen, body) => {
    const response = await ask('/chat/completions', body);
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const events = (await response.text()).split('\n\n').filter((event) => event.startsWith('data: '));
    expect(events.at(-1)).toBe('data: [DONE]');
    const chunks = events
      .slice(0, -1)
      .map((event) => JSON.parse(event.slice('data: '.length)) as { choices: { delta: { content?: string } }[] });
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('It rains.');
  });

  it('stops the tokens of the model when somebody cancels', async () => {
    fake.follow({ replies: { tokens: TOKENS, delayBetweenTokensMs: 20 } });
    const cancelling = new AbortController();
    const response = await ask('/chat/completions', OPEN_WEBUI, cancelling.signal);
    const reader = response.body?.getReader();
    await reader?.read();
    const asked = fake.requests.at(-1);
    expect(asked?.end).toBeUndefined();
    cancelling.abort();
    const end = await asked?.ended;
    expect(end?.how).toBe('closed-by-client');
    expect(asked?.tokensSent).toBeLessThan(TOKENS.length);
    const sent = asked?.tokensSent;
    await pause(200);
    expect(asked?.tokensSent).toBe(sent);
    while ((await metric('given_up')) === undefined) await pause(20);
    expect(await metric('given_up')).toBe(1);
    expect(await metric('no such outcome')).toBeUndefined();
  });
});
