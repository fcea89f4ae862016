import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FakeOpenai, startFakeOpenai } from '@bulla/testkit';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { type RunningCommand, startUp } from '../../bulla-command.js';
import { itKeepsTo } from './guide-page.js';

// The page about chats, from the command line to what a model server is asked.

let folder: string;
let owner: Readonly<Record<string, string>>;
let fake: FakeOpenai;
let running: RunningCommand;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-chats-'));
  owner = { BULLA_HOME: join(folder, 'home') };
  fake = await startFakeOpenai({ models: ['small'], replies: { tokens: ['It ', 'rains.'] } });
  running = await startUp({ ...owner, BULLA_LLM: `openai:${fake.url}`, BULLA_LLM_MODEL: 'small' });
});
afterAll(async () => {
  await running.stop();
  await fake.stop();
  await rm(folder, { recursive: true, force: true });
});

itKeepsTo({
  path: 'docs/guide/chats.md',
  says: 'asks without a stored prompt, and proves the answer',
  walk: async (page) => {
    await page.run(page.commands.slice(0, 3), folder, owner);
    const asked = fake.requests.filter(({ path }) => path.endsWith('/chat/completions'));
    expect(asked.map((request) => (request.json() as { messages: unknown }).messages)).toEqual([
      [{ role: 'user', content: 'How is the weather?' }],
      [{ role: 'user', content: 'How is the weather?' }],
    ]);
    await page.run(page.commands.slice(3), folder, owner);
    expect(page.use('ts')).toContain('bulla.chat.completions.create');
  },
});
