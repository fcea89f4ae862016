import type { FakeAnthropic } from '@bulla/testkit';
import { startFakeAnthropic } from '@bulla/testkit';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { AppsWorld } from './apps-world.js';
import { startAppsWorld } from './apps-world.js';
import { runProgram } from './program.js';
import type { Said } from './said-twice.js';
import { saidTwice } from './said-twice.js';

// Anthropic's SDK, straight to a server of its interface, and through Bulla, behind which a server of OpenAI's says the same.

const EXAMPLES = `${import.meta.dirname}/../../examples`;
const PROGRAM = `${import.meta.dirname}/programs/anthropic.mjs`;
const RAINS = saidTwice(['It ', 'rains.']);
const CALL = saidTwice(['I look.'], '{"rain":true}');
const ERROR = { status: 429, body: '{"type":"error","error":{"type":"rate_limit_error","message":"scripted"}}' };

const broken: Said = {
  anthropic: { ...RAINS.anthropic, fault: { afterTokens: 1, kind: 'cut' } },
  openai: { ...RAINS.openai, faults: [{ afterTokens: 1, kind: 'cut' }] },
};
const slow: Said = {
  anthropic: { ...RAINS.anthropic, delayBetweenTokensMs: 60_000 },
  openai: { ...RAINS.openai, delayBetweenTokensMs: 60_000 },
};

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

type Settings = Readonly<Record<string, string>>;

const direct = (): Settings => ({
  ANTHROPIC_BASE_URL: vendor.url.replace(/\/v1$/, ''),
  ANTHROPIC_API_KEY: 'sk-direct',
});
const bulla = (): Settings => ({
  ANTHROPIC_BASE_URL: world.origin,
  ANTHROPIC_API_KEY: world.settings.bulla.OPENAI_API_KEY,
});

async function seen(scene: string, settings: Settings): Promise<unknown> {
  const { status, stdout, stderr } = await runProgram([process.execPath, PROGRAM, scene], settings);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout);
}

it.each<[string, readonly Said[]]>([
  ['text', [RAINS]],
  ['stream', [RAINS]],
  ['events', [CALL]],
  ['tools', [CALL, RAINS]],
  ['image', [RAINS]],
  ['object', [saidTwice(['{"rain":', 'true}'])]],
  ['error', [{ anthropic: ERROR, openai: ERROR }]],
  ['broken', [broken]],
  ['left', [slow]],
])("Anthropic's SDK sees the same: %s", async (scene, scenes) => {
  vendor.follow({ replies: scenes.map(({ anthropic }) => anthropic) });
  world.fake.follow({ replies: scenes.map(({ openai }) => openai) });
  const without = await seen(scene, direct());
  const asked = world.fake.requests.length;
  expect(await seen(scene, bulla())).toEqual(without);
  expect(world.fake.requests.length).toBe(asked + scenes.length);
  expect(world.fake.requests.at(-1)?.requestId).toMatch(/^inv_/);
});

it('what is shown to the model is what the app showed', async () => {
  world.fake.follow({ replies: RAINS.openai });
  await seen('image', bulla());
  expect(world.fake.requests.at(-1)?.json()).toMatchObject({
    messages: [
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
          { type: 'text', text: 'What is this?' },
        ],
      },
    ],
  });
});

it('an app that leaves a stream stops the model', async () => {
  world.fake.follow({ replies: slow.openai });
  await seen('left', bulla());
  expect((await world.fake.requests.at(-1)?.ended)?.how).toBe('closed-by-client');
});

it('examples/messages.mjs does the same with nothing but its base URL changed', async () => {
  const scenes = [saidTwice(['I ', 'look.'], '{"town":"Bern"}', 'next_train'), saidTwice(['At ', '10:02.'])];
  for (const settings of [direct(), bulla()]) {
    vendor.follow({ replies: scenes.map(({ anthropic }) => anthropic) });
    world.fake.follow({ replies: scenes.map(({ openai }) => openai) });
    const end = await runProgram([process.execPath, `${EXAMPLES}/messages.mjs`], {
      ...settings,
      ANTHROPIC_MODEL: 'small',
    });
    expect(end).toEqual({ status: 0, stdout: 'I look.\nnext_train(Bern)\nAt 10:02.\n', stderr: '' });
  }
  expect(world.fake.requests.at(-1)?.requestId).toMatch(/^inv_/);
});
