import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ChatMessage } from '@bulla/crypto';
import { utf8 } from '@bulla/crypto';
import type { Bulla, ConnectOptions } from '../src/bulla.js';
import type { ChatEvent } from '../src/chats/chats.js';
import type { PiiReport } from '../src/pii/pii-settings.js';
import { piiHeader } from '../src/pii/pii-settings.js';
import { deltasOf } from './responder.js';
import type { World } from './world.js';
import { draftOf, makeWorld } from './world.js';

const CANARY = 'ada.canary@example.org';
let world: World;
let bulla: Bulla;
beforeAll(async () => {
  world = await makeWorld({ policy: { chat: ['grp:authors'] } });
});
afterAll(() => world.stop());
const clientWith = (pii: ConnectOptions['pii']) => world.client(undefined, { ...(pii !== undefined && { pii }) });
beforeEach(async () => {
  bulla = await clientWith({ mode: 'mask', tools: ['send'] });
});
afterEach(() => {
  world.responder.questions.length = 0;
});

const user = (content: string): ChatMessage => ({ role: 'user', content });
/** What was sealed, as the responder opened it. */
const sent = () => JSON.stringify(world.responder.questions);
/** The placeholder of a type in what was sent last. */
const placeholder = (type: string) => new RegExp(`<${type}_1_[a-z2-7]+>`).exec(sent())?.[0] ?? 'none';

/** The responder says this of the first address that it was sent, cut into pieces of a few characters. */
function answer(chunksOf: (address: string) => readonly object[]): void {
  world.responder.script.deltas = () =>
    chunksOf(placeholder('EMAIL')).map((delta) =>
      utf8(`${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: null }] })}\n`),
    );
}
const inPieces = (text: string, length: number) => text.match(new RegExp(`[^]{1,${length}}`, 'g')) ?? [];

describe('what is masked', () => {
  it('does not leave this machine, is told to the caller, and stands in the answer again', async () => {
    answer((address) => inPieces(`I wrote to ${address}, twice: ${address}.`, 3).map((content) => ({ content })));
    const reports: PiiReport[] = [];
    const told = await bulla.chat.completions.create(
      { messages: [user(`Write to ${CANARY}. Copy: ${CANARY}, card 4111 1111 1111 1111.`)] },
      { onPii: (report) => reports.push(report) },
    );
    expect(sent()).not.toContain('canary');
    expect(sent()).not.toContain('4111');
    const text = `I wrote to ${CANARY}, twice: ${CANARY}.`;
    expect(told.text).toBe(text);
    expect(told.completion.choices[0]?.message.content).toBe(text);
    expect(reports).toEqual([{ mode: 'mask', found: { EMAIL: 2, CARD: 1 }, unscanned: 0 }]);
    expect(told.pii).toEqual(reports[0]);
    expect(reports.map(piiHeader)).toEqual(['mask;email=2;card=1']);
  });

  it('is not in what was signed and proves the answer', async () => {
    answer((address) => [{ content: `To ${address}.` }]);
    const told = await bulla.chat.completions.create({ messages: [user(CANARY)] });
    const masked = `To ${placeholder('EMAIL')}.`;
    expect(told.signed).toMatchObject({ text: masked, completion: { choices: [{ message: { content: masked } }] } });
    const file = told.toFile({ showQuestion: true });
    expect(file).not.toContain('canary');
    expect(await bulla.verify(file)).toMatchObject({ valid: true, answer: { text: masked } });
  });

  it('stands in a stream again, wherever its placeholder was cut', async () => {
    for (const length of [1, 2, 5, 9]) {
      answer((address) => inPieces(`a<b ${address} <i>`, length).map((content) => ({ content })));
      const events: ChatEvent[] = [];
      for await (const event of bulla.chat.completions.stream({ messages: [user(CANARY)] })) events.push(event);
      expect(events.map(({ text = '' }) => text).join('')).toBe(`a<b ${CANARY} <i>`);
      expect(events.at(-1)?.answer?.text).toBe(`a<b ${CANARY} <i>`);
      world.responder.questions.length = 0;
    }
  });

  it('stands in arguments of the tools that are listed, and of no other [guard: pii-tool-listed]', async () => {
    answer((address) => [
      ...['send', 'log'].map((name, index) => ({
        tool_calls: [{ index, id: `call_${index}`, type: 'function', function: { name, arguments: '{"to":"' } }],
      })),
      ...[0, 1].flatMap((index) =>
        inPieces(`${address}\\n\\u003c${address.slice(1, -1)}\\u003e"}`, 4).map((piece) => ({
          tool_calls: [{ index, function: { arguments: piece } }],
        })),
      ),
    ]);
    const told = await bulla.chat.completions.create({ messages: [user(`"Ada \\" ${CANARY}"`)] });
    const calls = told.completion.choices[0]?.message.tool_calls?.map((call) => call.function.arguments) ?? [];
    expect(JSON.parse(calls[0] ?? '')).toEqual({ to: `${CANARY}\n${CANARY}` });
    expect(JSON.parse(calls[1] ?? '')).toEqual({ to: `${placeholder('EMAIL')}\n${placeholder('EMAIL')}` });
  });

  it('is written as JSON wants it where the answer was asked for as JSON', async () => {
    const key = '-----BEGIN PRIVATE KEY-----\n"canary"\n-----END PRIVATE KEY-----';
    world.responder.script.deltas = () => deltasOf([`{"key":"${placeholder('PRIVATE_KEY')}"}`]);
    const told = await bulla.chat.completions.create({
      messages: [user(`Extract: ${key}`)],
      response_format: { type: 'json_object' },
    });
    expect(JSON.parse(told.text)).toEqual({ key });
    expect(sent()).not.toContain('canary');
  });

  it('is looked for in all that is said: every role, calls and results of tools, tools, what ends an answer', async () => {
    world.responder.script.deltas = () => deltasOf(['Yes.']);
    const call = { name: 'send', arguments: '{"to":"ada\\u002ecanary@example.org","card":4111111111111111}' };
    await bulla.chat.completions.create({
      messages: [
        { role: 'system', content: `You work for ${CANARY}.` },
        { role: 'developer', content: [{ type: 'text', text: CANARY }] },
        { role: 'user', content: [{ type: 'text', text: CANARY }] },
        { role: 'assistant', refusal: CANARY, tool_calls: [{ id: 'call_1', type: 'function', function: call }] },
        { role: 'tool', tool_call_id: 'call_1', content: `{ "sent": 10.50, "to": ["${CANARY}"] }` },
        { role: 'assistant', content: CANARY },
      ],
      tools: [
        {
          type: 'function',
          function: { name: 'send', description: CANARY, parameters: { properties: { to: { enum: [CANARY] } } } },
        },
      ],
      stop: [CANARY],
    });
    expect(sent()).not.toContain('canary');
    expect(sent()).not.toContain('4111');
    const [question] = world.responder.questions;
    const messages = question?.messages as ChatMessage[];
    const [address, card] = [placeholder('EMAIL'), placeholder('CARD')];
    expect(messages[3]).toMatchObject({
      tool_calls: [{ function: { arguments: `{"to":"${address}","card":"${card}"}` } }],
    });
    expect(messages[4]?.content).toBe(`{ "sent": 10.50, "to": ["${address}"] }`);
  });

  it('is masked in variables and messages of a stored prompt, and in its answer told again', async () => {
    await bulla.prompts.push('letters/answer', 'text', draftOf('{{claim}}', { acceptsMessages: true }), ['production']);
    world.responder.script.deltas = (vars) => deltasOf([`Of ${vars['claim']}`]);
    const prompt = bulla.prompt('letters/answer');
    const told = await prompt.run({ claim: CANARY }, { messages: [{ role: 'user', content: `And ${CANARY}?` }] });
    expect(told).toMatchObject({ text: `Of ${CANARY}`, pii: { found: { EMAIL: 2 } } });
    expect(sent()).not.toContain('canary');
    const events = [];
    for await (const event of prompt.stream({ claim: CANARY })) events.push(event);
    expect(events.map(({ text = '' }) => text).join('')).toBe(`Of ${CANARY}`);
    const secret = '-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----';
    world.responder.script.deltas = (vars) => deltasOf(['', ' {"key":"', `${vars['claim']}"}`]);
    expect(JSON.parse((await prompt.run({ claim: secret })).text)).toEqual({ key: secret });
  });

  it('has the same name each time in texts for embeddings: what was stored is found again', async () => {
    const END = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], embeddings: { object: 'list' } };
    const lines = [0, 1].map((index) => ({ choices: [], embedding: { object: 'embedding', index, embedding: [0.5] } }));
    world.responder.script.deltas = () => [...lines, END].map((line) => utf8(`${JSON.stringify(line)}\n`));
    const { answer: told } = await bulla.embeddings.create({ input: [CANARY, `Dear ${CANARY}`] });
    expect(world.responder.questions[0]).toMatchObject({ embeddings: { input: ['<EMAIL>', 'Dear <EMAIL>'] } });
    expect(told.pii?.found).toEqual({ EMAIL: 2 });
  });

  it('is nothing that looks like a placeholder: the model gets that under another name', async () => {
    world.responder.script.deltas = () => deltasOf([JSON.stringify(world.responder.questions[0]?.messages)]);
    const text = 'Say <EMAIL_1_k3f7> and <TEXT_1_aaaa>.';
    const told = await bulla.chat.completions.create({ messages: [user(text)] });
    expect(sent()).not.toMatch(/k3f7|aaaa/);
    expect(told.text).toBe(JSON.stringify([user(text)]));
    expect(told.pii?.found).toEqual({});
  });
});

describe('what is refused', () => {
  const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } } as const;
  const ask = async (mode: 'mask' | 'block', content: ChatMessage['content']) => {
    const client = await clientWith({ mode });
    return client.chat.completions.create({ messages: [{ role: 'user', content } as ChatMessage] });
  };

  it.each(['mask', 'block'] as const)('is an image with %s, by its place', async (mode) => {
    await expect(ask(mode, [{ type: 'text', text: 'Look' }, image])).rejects.toMatchObject({
      code: 'pii_policy_failed',
      status: 422,
      errors: [{ pointer: '/messages/0/content/1', message: 'image_url' }],
    });
    expect(world.responder.questions).toEqual([]);
  });

  it('is a part that cannot be searched [guard: pii-unscannable]', async () => {
    await expect(ask('mask', [image])).rejects.toMatchObject({ code: 'pii_policy_failed' });
  });

  it('is personal data with block, by its place and types, never by what it says [guard: pii-refused]', async () => {
    const error = await ask('block', `${CANARY} 4111 1111 1111 1111`).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'pii_policy_failed',
      status: 422,
      retryable: false,
      errors: [{ pointer: '/messages/0/content', message: 'EMAIL, CARD' }],
    });
    expect(String(error)).not.toMatch(/canary|4111/);
    expect(world.responder.questions).toEqual([]);
  });

  it('is a name in a schema that would have to be another one', async () => {
    const parameters = { properties: { [CANARY]: { type: 'string' } } };
    const asked = bulla.chat.completions.create({
      messages: [user('Hello')],
      tools: [{ type: 'function', function: { name: 'send', parameters } }],
    });
    await expect(asked).rejects.toMatchObject({ code: 'pii_policy_failed', errors: [{ message: 'EMAIL' }] });
  });

  it.each([
    ['a mode that there is not [guard: pii-mode-known]', { mode: 'masks' as 'mask' }],
    ['a detector that others can read [guard: pii-detector-closed]', { mode: 'mask', detector: 'http://example.org/' }],
    ['a country by its name', { mode: 'mask', country: 'Germany' }],
  ] as const)('is %s', async (_name, pii) => {
    await expect(clientWith(pii)).rejects.toMatchObject({ code: 'validation_failed' });
  });
});

describe('what passes', () => {
  it('is everything with off, and nothing is counted', async () => {
    const client = await clientWith(undefined);
    world.responder.script.deltas = () => deltasOf(['Yes.']);
    const told = await client.chat.completions.create({ messages: [user(CANARY)] });
    expect(sent()).toContain(CANARY);
    expect(told.pii).toBeUndefined();
  });

  it('is everything with detect, which counts it', async () => {
    const client = await clientWith({ mode: 'detect' });
    world.responder.script.deltas = () => deltasOf(['Yes.']);
    const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } } as const;
    const content = [{ type: 'text', text: CANARY }, image] as const;
    const told = await client.chat.completions.create({ messages: [{ role: 'user', content: [...content] }] });
    expect(sent()).toContain(CANARY);
    expect(told.pii).toEqual({ mode: 'detect', found: { EMAIL: 1 }, unscanned: 1 });
    expect(piiHeader(told.pii as PiiReport)).toBe('detect;email=1;unscanned=1');
  });

  it('is a question with block that holds nothing', async () => {
    const client = await clientWith({ mode: 'block' });
    world.responder.script.deltas = () => deltasOf(['Yes.']);
    expect((await client.chat.completions.create({ messages: [user('Hello')] })).pii?.found).toEqual({});
  });
});
