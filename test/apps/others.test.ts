import { spawnSync } from 'node:child_process';
import type { FakeReply } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AppsWorld } from './apps-world.js';
import { startAppsWorld } from './apps-world.js';
import { runProgram } from './program.js';

// Other SDKs and other languages: each program runs twice, and nothing but its base URL and key differs.

const PROGRAMS = `${import.meta.dirname}/programs`;
const PYTHON = '/usr/bin/python3';
const hasPython = spawnSync(PYTHON, ['-c', 'import openai']).status === 0;
const hasCurl = spawnSync('curl', ['--version']).status === 0;

const CALL = { tokens: [], toolCalls: [{ index: 0, id: 'call_1', name: 'look', arguments: '{"rain":true}' }] };
const SCENES: Readonly<Record<string, FakeReply | readonly FakeReply[]>> = {
  text: {},
  stream: {},
  tools: [CALL, { tokens: ['It ', 'rains.'] }],
  object: { tokens: ['{"rain":', 'true}'] },
  embeddings: {},
  response: { tokens: ['It ', 'rains.'], usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 } },
  error: { status: 400 },
};

let world: AppsWorld;
beforeAll(async () => {
  world = await startAppsWorld();
});
afterAll(() => world.stop());

async function seenTwice(command: readonly string[], replies: FakeReply | readonly FakeReply[]): Promise<string> {
  const seen: string[] = [];
  for (const settings of [world.settings.direct, world.settings.bulla]) {
    world.fake.follow({ replies });
    const { status, stdout, stderr } = await runProgram(command, settings);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    seen.push(stdout);
  }
  expect(meantBy(seen[1])).toEqual(meantBy(seen[0]));
  expect(world.fake.requests.at(-1)?.requestId).toMatch(/^inv_/);
  return seen[0] ?? '';
}

/** What was printed, line by line; JSON may have its members in another order. */
function meantBy(printed = ''): unknown[] {
  return printed.split('\n').map((line) => {
    const [, json] = /^(?:data: )?(\{.*\})$/.exec(line) ?? [];
    return json === undefined ? line : (JSON.parse(json) as unknown);
  });
}

const scenesOf = (...names: readonly string[]) => names.map((name) => [name, SCENES[name] ?? {}] as const);

describe('the AI SDK sees the same', () => {
  const scenes = scenesOf('text', 'stream', 'tools', 'object', 'embeddings', 'error');
  it.each(scenes)('%s', async (scene, replies) => {
    expect((await seenTwice([process.execPath, `${PROGRAMS}/ai-sdk.mjs`, scene], replies)).length).toBeGreaterThan(9);
  });
});

describe('LangChain.js sees the same', () => {
  it.each(scenesOf('text', 'stream', 'tools', 'embeddings'))('%s', async (scene, replies) => {
    expect((await seenTwice([process.execPath, `${PROGRAMS}/langchain.mjs`, scene], replies)).length).toBeGreaterThan(
      9,
    );
  });
});

(hasPython ? describe : describe.skip)("OpenAI's SDK for Python sees the same", () => {
  it.each(scenesOf('text', 'stream', 'tools', 'response', 'embeddings', 'error'))('%s', async (scene, replies) => {
    expect((await seenTwice([PYTHON, `${PROGRAMS}/openai_python.py`, scene], replies)).length).toBeGreaterThan(9);
  });
});

(hasCurl ? describe : describe.skip)('curl sees the same', () => {
  it.each(scenesOf('text'))('%s', async (scene, replies) => {
    expect(JSON.parse(await seenTwice(['sh', `${PROGRAMS}/curl.sh`, scene], replies))).toHaveProperty('choices');
  });

  it.each(scenesOf('stream'))('%s', async (scene, replies) => {
    const shown = await seenTwice(['sh', `${PROGRAMS}/curl.sh`, scene], replies);
    expect(shown.trimEnd().endsWith('data: [DONE]')).toBe(true);
  });
});
