import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FakeReply } from '@bulla/testkit';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startUp } from '../bulla-command.js';
import { bulla } from '../bulla-process.js';
import type { AppsWorld } from './apps-world.js';
import { startAppsWorld } from './apps-world.js';
import { runProgram } from './program.js';

// The apps of examples/, each with a model server of its own choice, and with Bulla before it.

const EXAMPLES = `${import.meta.dirname}/../../examples`;
const call = (index: number, article: string) => ({
  index,
  id: `call_${index}`,
  name: 'in_stock',
  arguments: JSON.stringify({ article }),
});

let world: AppsWorld;
beforeAll(async () => {
  world = await startAppsWorld();
});
afterAll(() => world.stop());

it.each<[string, FakeReply | readonly FakeReply[], string]>([
  ['stream.mjs', {}, 'This is the fake upstream.\n'],
  [
    'tools.mjs',
    [{ tokens: [], toolCalls: [call(0, 'umbrella'), call(1, 'raincoat')] }, { tokens: ['Three ', 'umbrellas.'] }],
    'in_stock(umbrella)\nin_stock(raincoat)\nThree umbrellas.\n',
  ],
  [
    'retrieval.mjs',
    { tokens: ['As long ', 'as it flows.'] },
    'nearest: Claims for water are urgent as long as it flows.\nAs long as it flows.\n',
  ],
])('%s does the same with nothing but its base URL changed', async (example, replies, printed) => {
  for (const settings of [world.settings.direct, world.settings.bulla]) {
    world.fake.follow({ replies });
    const end = await runProgram([process.execPath, `${EXAMPLES}/${example}`], { ...settings, OPENAI_MODEL: 'small' });
    expect(end).toEqual({ status: 0, stdout: printed, stderr: '' });
  }
  expect(world.fake.requests.at(-1)?.requestId).toMatch(/^inv_/);
});

it('stream.mjs runs on a fresh home under bulla exec, with the built-in processor', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bulla-exec-'));
  const home = { BULLA_HOME: join(folder, 'home') };
  const up = await startUp(home);
  try {
    const end = await bulla(['exec', '--', process.execPath, `${EXAMPLES}/stream.mjs`], home);
    expect(end).toMatchObject({ status: 0, stdout: expect.stringContaining('The water still runs') });
  } finally {
    await up.stop();
    await rm(folder, { recursive: true });
  }
});
