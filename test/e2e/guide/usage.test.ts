import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type FakeOpenai, startFakeOpenai } from '@bulla/testkit';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { type RunningCommand, startUp } from '../../bulla-command.js';
import { succeed } from '../stories/second-person.js';
import { GuidePage, itKeepsTo } from './guide-page.js';

// What runs took, from the model server to the table of `bulla usage`.

const PAGE = 'docs/guide/usage.md';
let folder: string;
let owner: Readonly<Record<string, string>>;
let fake: FakeOpenai;
let running: RunningCommand;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-usage-'));
  owner = { BULLA_HOME: join(folder, 'home') };
  fake = await startFakeOpenai({ models: ['llama3.2'] });
  fake.follow({ replies: { usage: { prompt_tokens: 38, completion_tokens: 112, total_tokens: 150 } } });
  const models = join(folder, 'models.yaml');
  await writeFile(models, new GuidePage(PAGE).use('yaml').replace(/url: \S+/, `url: ${fake.url}`));
  running = await startUp({ ...owner, BULLA_MODELS_FILE: models });
  const triage = ['prompt', 'push', 'claims/triage', '-f', '-', '--label', 'production'];
  await succeed(triage, owner, 'Sort this claim.\n\n{{claim}}\n');
});
afterAll(async () => {
  await running.stop();
  await fake.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Added {
  readonly total: { readonly runs: number; readonly input_tokens: number; readonly output_tokens: number };
}

const added = async (...options: string[]) =>
  JSON.parse((await succeed(['usage', '--since', '24h', '--json', ...options], owner)).stdout) as Added;

itKeepsTo({
  path: 'docs/guide/usage.md',
  says: 'shows what runs took, each of them once',
  walk: async (page) => {
    page.use('yaml');
    const [first, second, ...reports] = page.commands;
    if (first === undefined || second === undefined) throw new Error('the page shows no run');
    await page.run([first, second], folder, owner);
    expect(fake.requests.filter(({ path }) => path.endsWith('/chat/completions'))).toHaveLength(2);
    let { total } = await added();
    for (; total.runs < 2; { total } = await added()) await pause(250);
    expect(total).toMatchObject({ runs: 2, input_tokens: 76, output_tokens: 224 });
    expect(reports).toHaveLength(2);
    await page.run(reports, folder, owner);
    for (const by of ['device', 'prompt', 'model', 'hour', 'day'])
      expect((await added('--by', by)).total).toEqual(total);
  },
});
