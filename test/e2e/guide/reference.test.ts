import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModels } from '@bulla/responder';
import { type FakeOpenai, parseScript, startFakeOpenai } from '@bulla/testkit';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { bulla, type RunningCommand, startUp } from '../../bulla-command.js';
import { succeed } from '../stories/second-person.js';
import type { ShownCommand } from './console-blocks.js';
import { GuidePage, itKeepsTo, unignored } from './guide-page.js';

// The pages that are looked up: of models, of prompt files and of the command. Their organisation has the model server
// that the page of models sets, which is one without a model.

/** What the page says where the model server is; here it is wherever a port is free. */
const SHOWN_HOST = '127.0.0.1:11434';
const KEY = 'sk-of-the-guide';
const KEY_FILES = ['cloud.key', 'claude.key', 'azure.key', 'east.key', 'west.key'];

let folder: string;
let owner: Readonly<Record<string, string>>;
let fake: FakeOpenai;
/** Of the model, as the page sets them. */
let settings: Readonly<Record<string, string>>;
let running: RunningCommand;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-reference-'));
  owner = { BULLA_HOME: join(folder, 'home') };
  fake = await startFakeOpenai({ models: ['llama3.2', 'another'] });
  await writeFile(join(folder, 'key'), KEY);
  const lines = new GuidePage('docs/guide/models.md').use('ini').trim().split('\n');
  settings = Object.fromEntries(lines.map((line) => line.split('=', 2)));
  const here = { BULLA_LLM: `openai:${fake.url}`, BULLA_LLM_API_KEY_FILE: join(folder, 'key') };
  running = await startUp({ ...owner, ...settings, ...here });
  await writeFile(join(folder, 'claim.txt'), 'Water is flowing.\n');
  const triage = ['prompt', 'push', 'claims/triage', '-f', '-', '--label', 'production'];
  await succeed(triage, owner, 'Sort this claim.\n\n{{claim}}\n');
});
afterAll(async () => {
  await running.stop();
  await fake.stop();
  await rm(folder, { recursive: true, force: true });
});

itKeepsTo({
  path: 'docs/guide/models.md',
  says: 'has settings that are obeyed, and a server that fails as it says',
  walk: async (page) => {
    page.use('ini');
    expect(Object.keys(settings)).toEqual(['BULLA_LLM', 'BULLA_LLM_MODEL', 'BULLA_LLM_API_KEY_FILE']);
    const host = new URL(fake.url).host;
    const [wrongUrl, list, ...scripted] = page.commands.map((shown) => ({
      shown,
      here: { ...shown, output: shown.output.replaceAll(`at ${SHOWN_HOST}`, `at ${host}`) },
    }));
    const run = async ({ shown, here }: NonNullable<typeof wrongUrl>) => {
      page.take(shown);
      const [ended] = await page.run([here], folder, owner);
      return ended?.output ?? '';
    };
    if (wrongUrl === undefined || list === undefined) throw new Error('the page shows no run');
    fake.follow({ replies: { status: 404 } });
    await run(wrongUrl);
    expect(scripted).toHaveLength(3);
    const script = page.use('json');
    await writeFile(join(folder, 'faults.json'), script);
    fake.follow(parseScript(script));
    for (const one of scripted.slice(0, -1)) await run(one);
    expect(await run(scripted.at(-1) ?? wrongUrl)).toContain(' · llama3.2 · ');
    const asked = fake.requests.filter(({ path }) => path.endsWith('/chat/completions'));
    expect(asked).toHaveLength(4);
    expect(asked.map((one) => one.rawHeaders.includes(`Bearer ${KEY}`))).toEqual([true, true, true, true]);
    await severalModels(page, list.shown);
    await otherKinds(page);
    await failingServers(page);
    expect(unignored(folder, ['home/', 'key', 'several/', 'failing/', 'models.yaml', ...KEY_FILES])).toEqual([]);
  },
});

/** The file of models as the page has it, but for where its servers are; and the same with two mistakes. */
async function severalModels(page: GuidePage, list: ShownCommand): Promise<void> {
  const file = join(folder, 'models.yaml');
  const text = page.use('yaml');
  for (const name of KEY_FILES) await writeFile(join(folder, name), KEY);
  await writeFile(file, text.replaceAll(/url: \S+/g, `url: ${fake.url}`));
  const several = { BULLA_HOME: join(folder, 'several'), BULLA_MODELS_FILE: file };
  const up = await startUp(several);
  await page.run([list], folder, several);
  await up.stop();
  await writeFile(file, text.replace('http:', 'ftp:').replace('timeout_ms', 'timeout'));
  const refused = await bulla(['up'], several);
  expect(refused.status).toBe(78);
  for (const line of page.use('text').trim().split('\n'))
    expect(refused.stderr).toContain(line.replace('models.yaml', file));
}

/** Files for servers that speak otherwise are taken as they stand. */
async function otherKinds(page: GuidePage): Promise<void> {
  for (const [index, kind] of [
    [1, 'anthropic'],
    [2, 'openai'],
  ] as const) {
    const file = join(folder, 'models.yaml');
    await writeFile(file, page.use('yaml', index));
    const models = await openModels({ BULLA_MODELS_FILE: file, BULLA_LLM_TIMEOUT_MS: 1_000 }, {});
    expect(models.all.map(({ name }) => name)).toContain(kind);
    await models.close();
  }
}

/** One server fails, nobody listens at the next, and the third answers. */
async function failingServers(page: GuidePage): Promise<void> {
  const file = join(folder, 'models.yaml');
  const east = await startFakeOpenai({ replies: { status: 503 } });
  const urls = { east: east.url, west: 'http://127.0.0.1:1/v1', local: fake.url };
  const text = page.use('yaml', 3);
  const here = Object.entries(urls).reduce(
    (all, [name, url]) => all.replace(`${name}: { url: `, `${name}: { url: ${url} #`),
    text,
  );
  await writeFile(file, here.replaceAll(/ #\S+?,/g, ',').replaceAll(/ #\S+ }/g, ' }'));
  const failing = { BULLA_HOME: join(folder, 'failing'), BULLA_MODELS_FILE: file };
  const up = await startUp(failing);
  fake.follow({});
  await succeed(['prompt', 'push', 'a/b', '-f', '-', '--label', 'production'], failing, 'Say hello.\n');
  expect((await succeed(['run', 'a/b'], failing)).stderr).toContain(' · llama3.3 · ');
  await up.stop();
  await east.stop();
}

itKeepsTo({
  path: 'docs/guide/prompt-file.md',
  says: 'shows files that are taken, and one whose mistakes are told',
  walk: async (page) => {
    fake.follow({});
    const push = (name: string, text: string) =>
      succeed(['prompt', 'push', name, '-f', '-', '--label', 'production'], owner, text);
    const question = { role: 'user', content: 'Water is flowing.' };
    const run = async (name: string, ...args: string[]) => {
      const before = fake.requests.length;
      await succeed(['run', name, ...args], owner);
      return fake.requests[before]?.json() as { messages: unknown[] };
    };
    await push('letters/plain', `\n\n${page.use('markdown')}  \n`);
    expect((await run('letters/plain', '--var', 'claim= two\n words ')).messages).toEqual([
      { role: 'user', content: 'Sort this insurance claim by urgency and say why in two sentences.\n\n two\n words ' },
    ]);
    const { stderr } = await push('letters/front', `${page.use('yaml')}# user\n\n{{claim}} in {{locale}}\n`);
    expect(stderr).toContain('2 variables: claim (required), locale (has a default)');
    const { stdout } = await succeed(['prompt', 'show', 'letters/front'], owner);
    expect(stdout).toContain('askers may add theirs');
    const own = join(folder, 'own.json');
    await writeFile(own, /`(\[\{"role".*?\}\])`/.exec(page.text)?.[1] ?? '');
    expect(await run('letters/front', '--var', 'claim={{locale}}', '--messages', own)).toMatchObject({
      model: 'gpt-oss:20b',
      temperature: 0.2,
      messages: [{ content: '{{locale}} in en' }, { role: 'user', content: 'And in one word?' }],
    });
    await push('letters/tools', page.use('markdown', 1));
    const set = ['--temperature', '0.9', '--set', 'seed=8'];
    expect(await run('letters/tools', '--var', 'claim=Water.', ...set)).toMatchObject({
      temperature: 0.9,
      seed: 8,
      tools: [{ function: { parameters: { properties: { number: { type: 'string' } } } } }],
      response_format: { json_schema: { schema: { properties: { urgent: { type: 'boolean' } } } } },
    });
    await push('letters/chat', page.use('markdown', 2));
    expect((await run('letters/chat', '--var', `question=${question.content}`)).messages).toEqual([
      { role: 'system', content: 'You answer in one sentence.' },
      question,
    ]);
    await page.run(page.commands, folder, owner);
  },
});

itKeepsTo({
  path: 'docs/guide/cli.md',
  says: 'shows what a program reads of an error, and a request of the interface',
  walk: async (page) => {
    expect(page.commands).toHaveLength(2);
    await page.run(page.commands, folder, owner);
  },
});
