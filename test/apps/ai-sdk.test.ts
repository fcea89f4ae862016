import type { FakeAnthropic } from '@bulla/testkit';
import { startFakeAnthropic } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AppsWorld } from './apps-world.js';
import { startAppsWorld } from './apps-world.js';
import { runProgram } from './program.js';
import type { Said } from './said-twice.js';
import { saidTwice } from './said-twice.js';

// The AI SDK's providers of OpenAI and Anthropic, each straight to a server of its interface, and through Bulla.

const PROGRAM = `${import.meta.dirname}/programs/ai-sdk-vendors.mjs`;
const RAINS = saidTwice(['It ', 'rains.']);
const CALL = saidTwice([], '{"rain":true}');
const SCENES: readonly (readonly [string, readonly Said[]])[] = [
  ['text', [RAINS]],
  ['stream', [RAINS]],
  ['tools', [CALL, RAINS]],
  ['streamedTools', [CALL, RAINS]],
  ['history', [RAINS, RAINS]],
  ['object', [saidTwice(['{"rain":', 'true}'])]],
];

let world: AppsWorld;
let vendor: FakeAnthropic;
beforeAll(async () => {
  world = await startAppsWorld();
  vendor = await startFakeAnthropic();
});
afterAll(async () => {
  await vendor.stop();
  await world.stop();
});

async function seen(scene: string, said: readonly Said[], settings: Readonly<Record<string, string>>) {
  vendor.follow({ replies: said.map(({ anthropic }) => anthropic) });
  world.fake.follow({ replies: said.map(({ openai }) => openai) });
  const { status, stdout } = await runProgram([process.execPath, PROGRAM, scene], settings);
  expect(status).toBe(0);
  return JSON.parse(stdout) as unknown;
}

describe("the AI SDK's provider of OpenAI sees the same", () => {
  it.each(SCENES)('%s', async (scene, said) => {
    const direct = await seen(scene, said, { ...world.settings.direct });
    expect(await seen(scene, said, { ...world.settings.bulla })).toEqual(direct);
    expect(world.fake.requests.at(-1)?.requestId).toMatch(/^inv_/);
  });
});

describe("the AI SDK's provider of Anthropic sees the same", () => {
  it.each(SCENES)('%s', async (scene, said) => {
    const origin = vendor.url.replace(/\/v1$/, '');
    const direct = await seen(scene, said, { ANTHROPIC_BASE_URL: origin, ANTHROPIC_API_KEY: 'sk-direct' });
    const bulla = { ANTHROPIC_BASE_URL: world.origin, ANTHROPIC_API_KEY: world.settings.bulla.OPENAI_API_KEY };
    expect(await seen(scene, said, bulla)).toEqual(direct);
    expect(world.fake.requests.at(-1)?.requestId).toMatch(/^inv_/);
  });
});
