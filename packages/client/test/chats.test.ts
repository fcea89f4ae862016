import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ChatEnvelopeClaims } from '@bulla/crypto';
import { utf8 } from '@bulla/crypto';
import type { Bulla } from '../src/bulla.js';
import type { ChatEvent } from '../src/chats/chats.js';
import { deltasOf, eventsOf, sendEvents, sendReply } from './responder.js';
import type { World } from './world.js';
import { draftOf, makeWorld } from './world.js';

const MESSAGES = [{ role: 'user', content: 'How is the weather?' }] as const;
let world: World;
let bulla: Bulla;
beforeAll(async () => {
  world = await makeWorld({ policy: { chat: ['grp:authors'] } });
});
afterAll(() => world.stop());
beforeEach(async () => {
  bulla = await world.client();
  world.responder.script.deltas = () => deltasOf(['It ', 'rains.']);
});
afterEach(() => {
  world.vault.swap = () => ({});
  Object.assign(world.vault.chats, { forge: () => ({}), shared: [], sharedMax: 2 });
  world.vault.chats.asked.length = 0;
  world.responder.questions.length = 0;
});
const ask = (model = 'small') => bulla.chat.completions.create({ model, messages: [...MESSAGES] });
const asked = () => world.vault.chats.asked.map(({ uses }) => uses);

describe('a chat', () => {
  it('is answered as a whole, verified, with a file that proves it', async () => {
    const answer = await bulla.chat.completions.create({
      messages: [...MESSAGES],
      temperature: 0.5,
      max_completion_tokens: 9,
    });
    expect(answer).toMatchObject({ text: 'It rains.', verified: true, finish: 'stop' });
    expect(answer.prompt).toBeUndefined();
    expect(answer.completion.choices[0]?.message.content).toBe('It rains.');
    expect(world.responder.questions).toEqual([
      expect.objectContaining({
        purpose: 'chat.invoke',
        messages: [...MESSAGES],
        opt: { model: 'default', stream: false, privacy: 'padded', temperature: 0.5, max_output_tokens: 9 },
      }),
    ]);
    const verdict = await bulla.verify(answer.toFile());
    expect(verdict).toMatchObject({ valid: true, answer: { text: 'It rains.' } });
  });

  it('comes in pieces, with the verified answer last, and calls of tools only with it', async () => {
    const piece = (delta: object) => utf8(`${JSON.stringify({ choices: [{ index: 0, delta }] })}\n`);
    world.responder.script.deltas = () => [
      piece({ content: 'I look. ' }),
      piece({
        tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } }],
      }),
    ];
    const events: ChatEvent[] = [];
    for await (const event of bulla.chat.completions.stream({ model: 'small', messages: [...MESSAGES] }))
      events.push(event);
    expect(events.map(({ text }) => text)).toEqual(['I look. ', '', undefined]);
    expect(events.at(-1)?.answer?.completion.choices[0]?.message.tool_calls).toHaveLength(1);
  });

  it('says that it has finished only once its end is verified [guard: client-end-held]', async () => {
    const line = (choice: object) => utf8(`${JSON.stringify({ choices: [{ index: 0, ...choice }] })}\n`);
    const text = { delta: { content: 'It rains.' } };
    // Some model servers write an empty reason where there is none.
    const unended = { ...text, finish_reason: '' };
    world.responder.script.deltas = () => [line(unended), line({ delta: {}, finish_reason: 'stop' }), line(text)];
    world.responder.send = ({ head, frames }) =>
      sendEvents(eventsOf({ head, frames, final: new Uint8Array() }).slice(0, -1));
    const finished: (string | null | undefined)[] = [];
    const read = async () => {
      for await (const { chunk } of bulla.chat.completions.stream({ model: 'small', messages: [...MESSAGES] }))
        finished.push(chunk?.choices[0]?.finish_reason);
    };
    try {
      await expect(read()).rejects.toMatchObject({ code: 'stream_truncated' });
    } finally {
      world.responder.send = sendReply;
    }
    expect(finished).toEqual(['']);
  });
});

describe('leave to chat', () => {
  it('is asked for once by who asks once, and once for a hundred questions by who goes on [guard: chat-permit-uses]', async () => {
    for (let times = 0; times < 101; times++) await ask();
    expect(asked()).toEqual([1, 100]);
    const [spent] = world.vault.chats.shared;
    await ask();
    expect(asked()).toEqual([1, 100, 100]);
    expect(world.vault.chats.asked[2]?.replaces).toBe(spent?.jti);
    expect(world.vault.chats.shared).toHaveLength(1);
    // None was refused for an envelope that was used up.
    expect(world.responder.questions.filter((question) => question.retry_of !== undefined)).toEqual([]);
  });

  it('is asked for once by many questions at the same moment', async () => {
    await ask();
    await Promise.all(Array.from({ length: 40 }, () => ask()));
    expect(asked()).toEqual([1, 100]);
    expect(world.responder.questions).toHaveLength(41);
  });

  it('names all models that were asked lately', async () => {
    for (const model of ['small', 'large', 'small', 'large', 'large']) await ask(model);
    expect(world.vault.chats.asked.map(({ models }) => models)).toEqual([['small'], ['small', 'large']]);
  });

  it('is asked for one by one where others on the device have as many as it may have', async () => {
    world.vault.chats.sharedMax = 0;
    for (let times = 0; times < 3; times++) await ask();
    expect(asked()).toEqual([1, 100, 1, 1]);
    world.clock.seconds += 61;
    world.vault.chats.sharedMax = 2;
    await ask();
    expect(asked()).toEqual([1, 100, 1, 1, 100]);
  });

  it('ends with its time, and with who pauses [guard: chat-permit-good]', async () => {
    await ask();
    await ask();
    world.clock.seconds += 200;
    await ask();
    expect(asked()).toEqual([1, 100]);
    world.clock.seconds += 95;
    await ask();
    expect(asked()).toEqual([1, 100, 100]);
    world.clock.seconds += 301;
    await ask();
    expect(asked()).toEqual([1, 100, 100, 1]);
  });

  it('is thrown away when the organisation has a newer directory', async () => {
    await ask();
    await ask();
    await world.organisation.publish(() => undefined);
    await bulla.refreshTrust();
    await ask();
    expect(asked()).toEqual([1, 100, 100]);
  });

  it('is asked for anew, once, when it was used up without this client', async () => {
    await ask();
    await ask();
    const [shared] = world.vault.chats.shared;
    if (shared === undefined) throw new Error('no envelope for several questions');
    world.responder.useUp(shared.jti);
    expect((await ask()).text).toBe('It rains.');
    expect(asked()).toEqual([1, 100, 100]);
    expect(world.vault.chats.asked[2]?.replaces).toBe(shared.jti);
    expect(world.responder.questions.at(-1)).toHaveProperty('retry_of');
  });
});

describe('nothing of a chat is sent', () => {
  it.each<[string, (claims: ChatEnvelopeClaims) => Partial<ChatEnvelopeClaims>, string]>([
    ['another responder', () => ({ aud: world.organisation.responders[1].urn }), 'envelope-audience'],
    ['another device', () => ({ sub: world.organisation.author.urn }), 'envelope-requester'],
    ['another key', () => ({ cnf: { jkt: world.organisation.author.sig.kid } }), 'envelope-requester-key'],
    ['another request', () => ({ req: 'another-request-0001' }), 'envelope-request'],
    ['other models', ({ pol }) => ({ pol: { ...pol, models: ['mine'] } }), 'envelope-models'],
    ['more questions', ({ pol }) => ({ pol: { ...pol, uses: 7 } }), 'envelope-uses'],
    [
      'a directory of another branch',
      ({ dir }) => ({ dir: { ver: dir?.ver ?? 1, hash: 'A'.repeat(43) } }),
      'envelope-fork',
    ],
  ])('under an envelope of a vault that names %s', async (_name, forge, check) => {
    world.vault.chats.forge = forge;
    await expect(ask()).rejects.toMatchObject({ check });
    expect(world.responder.questions).toEqual([]);
  });

  it('under the envelope of a prompt', async () => {
    await bulla.prompts.push('claims/triage', 'text', draftOf('Sort'), ['production']);
    const { vault } = world;
    const wanted = { name: 'claims/triage', label: 'production', aud: world.organisation.responders[0].urn };
    vault.service.lies['envelope.issue'] = (incoming) => vault.issue({ ...incoming, body: wanted as never });
    try {
      await expect(ask()).rejects.toMatchObject({ check: 'envelope-type' });
    } finally {
      delete vault.service.lies['envelope.issue'];
    }
    expect(world.responder.questions).toEqual([]);
  });
});

describe('an answer to a chat', () => {
  it('is not taken for that of another question, nor of a prompt', async () => {
    const { script } = world.responder;
    const before = script.change;
    let first: Parameters<typeof script.change>[0] | undefined;
    script.change = (reply) => (first ??= reply);
    try {
      await ask();
      await expect(ask()).rejects.toMatchObject({ code: 'envelope_tampered' });
      script.change = ({ frames, ...reply }) => ({ ...reply, frames: frames.toReversed() });
      world.responder.script.deltas = () => [...deltasOf(['It '], 500), ...deltasOf(['rains.'], 500)];
      await expect(ask()).rejects.toMatchObject({ code: 'open_failed' });
    } finally {
      script.change = before;
    }
  });

  it('says that it is one: that of a prompt is none', async () => {
    const { script } = world.responder;
    const prm = { id: 'prm_01kz84jm00fs4v9y6x7qj3r2dn', name: 'claims/triage', ver: 1, chash: 'A'.repeat(43) };
    try {
      script.fin = { purpose: 'prompt.reply', prm } as never;
      await expect(ask()).rejects.toMatchObject({ code: 'envelope_tampered', check: 'reply-purpose' });
    } finally {
      script.fin = {};
    }
  });

  it('that is cut before its signed end is none, however much of it came', async () => {
    world.responder.send = ({ head, frames }) =>
      sendEvents(eventsOf({ head, frames, final: new Uint8Array() }).slice(0, -1));
    try {
      const pieces: string[] = [];
      const read = async () => {
        for await (const { text } of bulla.chat.completions.stream({ model: 'small', messages: [...MESSAGES] }))
          if (text !== undefined) pieces.push(text);
      };
      await expect(read()).rejects.toMatchObject({ code: 'stream_truncated' });
      expect(pieces.join('')).toBe('It rains.');
    } finally {
      world.responder.send = sendReply;
    }
  });
});
