import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PiiSettings } from '@bulla/client';
import { Bulla } from '@bulla/client';
import { connectionOf, Home } from '@bulla/client/node';
import { type FakeOpenai, type FakeReply, startFakeOpenai } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { bulla, type RunningCommand, startUp } from '../../bulla-command.js';
import { bulla as bullaProcess } from '../../bulla-process.js';

// A setting masks personal data: the model server sees placeholders and the user the values, in the middle of a stream and
// in what tools are called with. Where the search fails, nothing is sent.

const CANARY = 'ada.canary@example.org';
const QUESTION = `Write to ${CANARY}, please.`;

let folder: string;
let settings: Readonly<Record<string, string>>;
let fake: FakeOpenai;
let running: RunningCommand;
const open: Bulla[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-s14-'));
  settings = { BULLA_HOME: join(folder, 'home') };
  fake = await startFakeOpenai();
  running = await startUp({ ...settings, BULLA_LLM: `openai:${fake.url}`, BULLA_LLM_MODEL: 'small' });
});
afterEach(async () => {
  for (const client of open.splice(0)) await client.close();
});
afterAll(async () => {
  await running.stop();
  await fake.stop();
  await rm(folder, { recursive: true, force: true });
});

async function clientWith(pii: PiiSettings): Promise<Bulla> {
  const client = await Bulla.connect({ ...(await connectionOf(new Home(settings['BULLA_HOME']))), pii });
  open.push(client);
  return client;
}
/** The server answers with what follows from the placeholder that it was sent. */
function follow(replyTo: (placeholder: string) => FakeReply): void {
  fake.follow({
    replies: ({ messages }) => replyTo(/<EMAIL_1_[a-z2-7]+>/.exec(JSON.stringify(messages))?.[0] ?? 'no placeholder'),
  });
}
const letters = (text: string) => text.split('');
const messages = [{ role: 'user', content: QUESTION }] as const;

describe('with mask', () => {
  it('the model server gets no address, and the user sees it while the answer comes', async () => {
    follow((placeholder) => ({ tokens: letters(`I wrote to ${placeholder}!`) }));
    const client = await clientWith({ mode: 'mask' });
    const texts: string[] = [];
    for await (const { text = '', answer } of client.chat.completions.stream({ messages: [...messages] })) {
      texts.push(text);
      if (answer === undefined) continue;
      expect(answer.text).toBe(`I wrote to ${CANARY}!`);
      expect(answer.pii).toEqual({ mode: 'mask', found: { EMAIL: 1 }, unscanned: 0 });
      expect(await client.verify(answer.toFile({ showQuestion: true }))).toMatchObject({ valid: true });
    }
    expect(texts.join('')).toBe(`I wrote to ${CANARY}!`);
    expect(texts.filter((text) => text.includes('@'))).toEqual([CANARY]);
    expect(fake.receivedBytes.toString()).toMatch(/<EMAIL_1_[a-z2-7]+>/);
    expect(fake.receivedBytes.toString()).not.toContain('canary');
  });

  it('a tool that is listed is called with the address, and another one with the placeholder', async () => {
    follow((placeholder) => ({
      tokens: [],
      toolCalls: [
        { index: 0, id: 'call_1', name: 'send', arguments: '{"to":"' },
        ...letters(placeholder).map((letter) => ({ index: 0, arguments: letter })),
        { index: 0, arguments: '"}' },
        { index: 1, id: 'call_2', name: 'search', arguments: `{"for":"${placeholder}"}` },
      ],
    }));
    const client = await clientWith({ mode: 'mask', tools: ['send'] });
    const tool = (name: string) => ({ type: 'function', function: { name } }) as const;
    const answer = await client.chat.completions.create({
      messages: [...messages],
      tools: [tool('send'), tool('search')],
    });
    const calls = answer.completion.choices[0]?.message.tool_calls?.map((call) => call.function.arguments) ?? [];
    expect(calls[0]).toBe(JSON.stringify({ to: CANARY }));
    expect(calls[1]).toMatch(/^\{"for":"<EMAIL_1_[a-z2-7]+>"\}$/);
    const calling = answer.completion.choices[0]?.message.tool_calls?.map(({ id, type, function: called }) => ({
      id,
      type,
      function: { name: called.name, arguments: called.arguments },
    }));
    follow((placeholder) => ({ tokens: [placeholder] }));
    const done = await client.chat.completions.create({
      messages: [
        ...messages,
        { role: 'assistant', tool_calls: calling },
        { role: 'tool', tool_call_id: 'call_1', content: JSON.stringify({ sent: [CANARY] }) },
        { role: 'tool', tool_call_id: 'call_2', content: `nothing of ${CANARY}` },
      ],
    });
    expect(done).toMatchObject({ text: CANARY, pii: { found: { EMAIL: 4 } } });
    expect(fake.receivedBytes.toString()).not.toContain('canary');
  });

  it('the command does the same', async () => {
    follow((placeholder) => ({ tokens: [`To ${placeholder}.`] }));
    const { status, stdout, stderr } = await bulla(['chat', '-m', QUESTION], { ...settings, BULLA_PII: 'mask' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: `To ${CANARY}.\n` });
    expect(stderr).toContain('masked: EMAIL 1');
    expect(fake.receivedBytes.toString()).not.toContain('canary');
  });
});

/** An app of OpenAI's interface, which knows nothing of Bulla. */
const APP = `
const { OPENAI_BASE_URL: base, OPENAI_API_KEY: key } = process.env;
const response = await fetch(base + '/chat/completions', {
  method: 'POST',
  headers: { authorization: 'Bearer ' + key, 'content-type': 'application/json' },
  body: JSON.stringify({ model: 'default', stream: true, messages: [{ role: 'user', content: process.argv[1] }] }),
});
const events = (await response.text()).split('\\n').filter((line) => line.startsWith('data: {'));
const texts = events.map((line) => JSON.parse(line.slice(6)).choices[0]?.delta.content ?? '');
console.log(JSON.stringify([response.status, response.headers.get('x-bulla-pii'), texts.join('')]));
`;
const runApp = (pii: string) =>
  bullaProcess(['exec', '--', process.execPath, '--input-type=module', '-e', APP, QUESTION], {
    ...settings,
    BULLA_PII: pii,
  });

describe('an app behind the proxy', () => {
  it('sees the address in its stream, and what was found in a header; the model server gets none', async () => {
    follow((placeholder) => ({ tokens: letters(`To ${placeholder}.`) }));
    const { status, stdout } = await runApp('mask');
    expect({ status, told: JSON.parse(stdout) as unknown }).toEqual({
      status: 0,
      told: [200, 'mask;email=1', `To ${CANARY}.`],
    });
    expect(fake.receivedBytes.toString()).not.toContain('canary');
  });

  it('gets 422 where it sends what it may not', async () => {
    const before = fake.requests.length;
    const { stdout } = await runApp('block');
    expect(JSON.parse(stdout)).toEqual([422, null, '']);
    expect(fake.requests).toHaveLength(before);
  });
});

describe('where nothing may be sent', () => {
  it('a detector that fails ends the question with 422, and neither vault nor responder nor model is asked', async () => {
    const detector = createServer((_request, response) => response.writeHead(500).end(CANARY));
    await new Promise<void>((resolve) => void detector.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(detector.address() as AddressInfo).port}/`;
    const client = await clientWith({ mode: 'mask', detector: url });
    const before = fake.requests.length;
    const error = await client.chat.completions.create({ messages: [...messages] }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'pii_policy_failed', status: 422, retryable: false });
    expect(String(error)).not.toContain('canary');
    const { status, stderr } = await bulla(['chat', '-m', QUESTION], {
      ...settings,
      BULLA_PII: 'mask',
      BULLA_PII_DETECTOR: url,
    });
    expect(status).toBe(5);
    expect(stderr).toContain('pii_policy_failed');
    expect(stderr).not.toContain('canary');
    expect(fake.requests).toHaveLength(before);
    await new Promise((resolve) => void detector.close(resolve));
  });

  it('block says where it is, and sends nothing', async () => {
    const before = fake.requests.length;
    const client = await clientWith({ mode: 'block' });
    await expect(client.chat.completions.create({ messages: [...messages] })).rejects.toMatchObject({
      code: 'pii_policy_failed',
      errors: [{ pointer: '/messages/0/content', message: 'EMAIL' }],
    });
    expect(fake.requests).toHaveLength(before);
  });
});
