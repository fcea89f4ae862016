import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FakeOpenai, startFakeOpenai } from '@bulla/testkit';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { type RunningCommand, startUp } from '../../bulla-command.js';
import { itKeepsTo } from './guide-page.js';

// The page about personal data, from the command line to what a model server is asked.

let folder: string;
let owner: Readonly<Record<string, string>>;
let fake: FakeOpenai;
let running: RunningCommand;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-pii-'));
  owner = { BULLA_HOME: join(folder, 'home') };
  fake = await startFakeOpenai({
    replies: ({ messages = [] }) => ({ tokens: String(messages.at(-1)?.content).split(/(?=.)/) }),
  });
  running = await startUp({ ...owner, BULLA_LLM: `openai:${fake.url}`, BULLA_LLM_MODEL: 'small' });
});
afterAll(async () => {
  await running.stop();
  await fake.stop();
  await rm(folder, { recursive: true, force: true });
});

itKeepsTo({
  path: 'docs/guide/pii.md',
  says: 'sends a placeholder and shows the address',
  walk: async (page) => {
    const [mode, chat] = page.commands;
    if (mode === undefined || chat === undefined) throw new Error('the page shows less');
    await page.run([mode], folder, owner);
    const [name = '', value = ''] = mode.command.replace('export ', '').split('=');
    await page.run([chat], folder, { ...owner, [name]: value });
    expect(fake.receivedBytes.toString()).toMatch(/<EMAIL_1_[a-z2-7]+>/);
    expect(fake.receivedBytes.toString()).not.toContain('ada@example.org');
    expect(page.use('ts')).toContain("pii: { mode: 'mask'");
    for (const [index, key] of ['texts', 'findings'].entries())
      expect(Object.keys(JSON.parse(page.use('json', index)) as object)).toEqual([key]);
  },
});
