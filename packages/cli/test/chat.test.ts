import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { FakeOpenai } from '@bulla/testkit';
import { startFakeOpenai } from '@bulla/testkit';
import type { Running } from './world.js';
import { World } from './world.js';

const RAIN = { replies: { tokens: ['It ', 'rains.'] } };
const upstream: FakeOpenai = await startFakeOpenai(RAIN);
let world: World;
let running: Running;
beforeAll(async () => {
  world = await World.make();
  Object.assign(world.env, { BULLA_LLM: `openai:${upstream.url}`, BULLA_LLM_MODEL: 'weather' });
  running = await world.up('organisation');
});
afterEach(() => {
  upstream.requests.length = 0;
  upstream.follow(RAIN);
});
afterAll(async () => {
  await running.stop();
  await upstream.stop();
  await world.remove();
});

/** The messages of each question that reached the model. */
const asked = () =>
  upstream.requests
    .filter(({ path }) => path.endsWith('/chat/completions'))
    .map((request) => (request.json() as { messages: object[] }).messages);
const USER = { role: 'user', content: 'How is the weather?' };
const ASSISTANT = { role: 'assistant', content: 'It rains.' };

describe('bulla chat', () => {
  it('keeps a conversation, and says of each answer whose it is', async () => {
    const { stdout, stderr } = await world.done(['chat', '--system', 'Be short.'], {
      stdin: 'How is the weather?\nAnd tomorrow?\n',
    });
    expect(stdout).toBe('It rains.\nIt rains.\n');
    expect(stderr.match(/✔ signed by responder/g)).toHaveLength(2);
    const system = { role: 'system', content: 'Be short.' };
    expect(asked()).toEqual([
      [system, USER],
      [system, USER, ASSISTANT, { role: 'user', content: 'And tomorrow?' }],
    ]);
  });

  it('begins anew, goes on after an answer that did not come, and ends, at a terminal', async () => {
    const stdin = 'How is the weather?\n/clear\nAre you there?\nHow is the weather?\n/exit\nnever asked\n';
    const before = world.isTerminal;
    world.isTerminal = true;
    upstream.follow({ replies: [RAIN.replies, { status: 400 }, RAIN.replies] });
    try {
      const { code, stderr } = await world.bulla(['chat'], { stdin, atTerminal: true });
      expect(code).toBe(0);
      expect(stderr).toContain('answered something else than a completion (HTTP status 400)');
      expect(stderr).toContain('/clear begins anew');
    } finally {
      world.isTerminal = before;
    }
    expect(asked()).toEqual([[USER], [{ role: 'user', content: 'Are you there?' }], [USER]]);
  });

  it('asks one question, whose answer is proved like any other', async () => {
    const file = await world.file('question.txt', 'How is the weather?');
    const { stdout } = await world.done([
      'chat',
      '-m',
      `@${file}`,
      '--json',
      '--show-question',
      '--temperature',
      '0.2',
    ]);
    const kept = await world.file('answer.json', stdout);
    const verified = await world.done(['verify', kept]);
    expect(verified.stdout).toContain('VALID');
    expect(verified.stdout).toContain('a chat without a stored prompt');
    expect(asked()).toEqual([[USER]]);
    expect(upstream.requests.at(-1)?.json()).toMatchObject({ model: 'weather', temperature: 0.2, store: false });
    const out = world.path('said.txt');
    await world.done(['chat', '-m', '-', '-o', out], { stdin: 'How is the weather?' });
    expect(await readFile(out, 'utf8')).toBe('It rains.\n');
  });

  it('is in the log of the vault as leave to ask a model', async () => {
    await world.done(['chat', '-m', 'How is the weather?']);
    let found = '';
    while (found === '') found = (await world.done(['audit', 'list', '--act', 'envelope.issue', '--json'])).stdout;
    expect(found).toContain('"models":1');
  });

  it('is for those whom the policy lets chat', async () => {
    await world.done(['policy', 'set', '--chat', 'none']);
    const refused = await world.bulla(['chat', '-m', 'How is the weather?']);
    expect(refused).toMatchObject({ code: 5, stdout: '' });
    expect(refused.stderr).toContain('the policy lets no group of this device chat without a stored prompt');
    expect(refused.stderr).toContain('bulla policy set --chat');
    expect(asked()).toEqual([]);
    await world.done(['policy', 'set', '--chat', 'grp:members', '--yes']);
    await world.done(['chat', '-m', 'How is the weather?']);
  });

  it.each<[string[], string]>([
    [['--json'], 'give it with --message'],
    [['-m', 'x', '--show-question'], '--show-question needs --json'],
    [['-m', 'x', '--set', 'tools=[{"type":"function","function":{"name":"look"}}]'], 'bulla chat runs no tools'],
    [['-m', 'x', '--max-output-tokens', 'many'], 'expected a whole number'],
    [
      ['-m', 'x', '--responder', 'urn:bulla:dev:svc:responder:nowhere'],
      'the directory lists no responder of that name',
    ],
  ])('says what is wrong with %j', async (options, said) => {
    const refused = await world.bulla(['chat', ...options]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(said);
    expect(asked()).toEqual([]);
  });

  it('sends no file from where Bulla keeps keys', async () => {
    const refused = await world.bulla(['chat', '-m', `@${world.path('home/device.keys.json')}`]);
    expect(refused.code).toBe(2);
    expect(asked()).toEqual([]);
  });
});
