import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Problem } from '@bulla/contract';
import { utf8 } from '@bulla/crypto';
import { AppSurface } from '../../src/apps/app-surface.js';
import type { Bulla } from '../../src/bulla.js';
import { eventsOf, sendEvents, sendReply } from '../responder.js';
import type { World } from '../world.js';
import { draftOf, makeWorld, NOBODY_URL } from '../world.js';
import type { Differing } from './asking.js';
import { requestOf, tell } from './asking.js';

const MESSAGES = [{ role: 'user', content: 'How is the weather?' }];
const HEAD = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'small' };
const chunk = (delta: object, more: object = {}) => ({
  ...HEAD,
  choices: [{ index: 0, delta, finish_reason: null, ...more }],
});
const CHUNKS = [
  chunk({ role: 'assistant', content: '' }),
  chunk({ content: 'It ' }),
  chunk({ content: 'rains.' }),
  chunk({}, { finish_reason: 'stop' }),
];
const USAGE = { ...HEAD, choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } };
const lines = (chunks: readonly object[]) => () => chunks.map((one) => utf8(`${JSON.stringify(one)}\n`));

let world: World;
let bulla: Bulla;
let surface: AppSurface;
beforeAll(async () => {
  world = await makeWorld({ policy: { chat: ['grp:authors'] } });
  bulla = await world.client();
  await bulla.prompts.push('claims/triage', 'text', draftOf('Sort {{claim}}'), ['production', 'staging']);
});
afterAll(() => world.stop());
beforeEach(() => {
  surface = new AppSurface(bulla);
  world.responder.script.deltas = lines([...CHUNKS, USAGE]);
});
afterEach(() => {
  world.responder.questions.length = 0;
  world.responder.send = sendReply;
});
const ask = (body: object, differing?: Differing) =>
  tell(surface, '/chat/completions', { model: 'small', messages: MESSAGES, ...body }, differing);
const asked = () => world.responder.questions.at(-1);

describe('a chat', () => {
  it('is answered whole, as the model server said it, and the headers say who vouches for it', async () => {
    const told = await ask({ temperature: 0.5, max_tokens: 9, user: 'u', store: false, seed: null });
    expect(told.status).toBe(200);
    expect(told.json()).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { role: 'assistant', content: 'It rains.' }, finish_reason: 'stop' }],
      usage: USAGE.usage,
    });
    expect(told.headers).toEqual({
      'content-type': 'application/json',
      'x-bulla-verified': 'true',
      'x-bulla-responder': world.organisation.responders[0].urn,
      'x-request-id': expect.stringMatching(/^req_[\w-]{22}$/),
      'openai-processing-ms': expect.stringMatching(/^\d+$/),
    });
    expect(asked()).toMatchObject({
      messages: MESSAGES,
      opt: { model: 'small', stream: false, temperature: 0.5, max_output_tokens: 9 },
    });
  });

  it('is streamed chunk by chunk, with usage for those who asked for it', async () => {
    const plain = await ask({ stream: true });
    expect(plain.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'x-bulla-verified': 'at-end',
    });
    expect(plain.events()).toEqual([...CHUNKS, '[DONE]']);
    const counted = await ask({ stream: true, stream_options: { include_usage: true } });
    expect(counted.events()).toEqual([...CHUNKS, USAGE, '[DONE]']);
  });

  it('whose stream is cut ends with an error, and with nothing that an app takes for an end', async () => {
    world.responder.send = ({ head, frames }) =>
      sendEvents(eventsOf({ head, frames, final: new Uint8Array() }).slice(0, -1));
    const told = await ask({ stream: true });
    const events = told.events();
    expect(events.slice(0, -1)).toEqual(CHUNKS.slice(0, 3));
    expect(events.at(-1)).toEqual({
      error: expect.objectContaining({ code: 'stream_truncated', type: 'server_error' }),
    });
    expect(told.text).not.toContain('"stop"');
    const whole = await ask({ stream: false });
    expect(whole.status).not.toBe(200);
  });

  it('that the policy forbids is told with the command that allows it', async () => {
    world.vault.service.lies['envelope.issue'] = () => {
      throw new Problem('forbidden');
    };
    surface = new AppSurface(await world.client());
    try {
      const told = await ask({ stream: true });
      expect([told.status, told.json()['error']]).toEqual([403, expect.objectContaining({ type: 'permission_error' })]);
      expect(told.text).toContain('bulla policy set --chat');
    } finally {
      delete world.vault.service.lies['envelope.issue'];
    }
  });

  it('that cannot begin is told by its status, also where it was to be streamed', async () => {
    const offline = new AppSurface(await world.client(undefined, { url: NOBODY_URL, retries: 0 }));
    const told = await tell(offline, '/chat/completions', { model: 'small', messages: MESSAGES, stream: true });
    expect(told.status).toBe(502);
    expect(told.headers).toMatchObject({ 'x-should-retry': 'true', 'x-bulla-error-origin': 'client' });
    expect(told.json()).toMatchObject({
      type: 'urn:bulla:problem:transport_failed',
      code: 'transport_failed',
      request_id: told.headers['x-request-id'],
      error: { type: 'server_error', code: 'transport_failed', param: null },
    });
  });
});

describe('a request of a chat', () => {
  it.each<[string, object, string]>([
    ['a parameter that is not known', { top_k: 1 }, 'top_k'],
    ['a temperature of words', { temperature: 'hot' }, 'temperature'],
    ['a schema that is too deep', { response_format: { type: 'grammar' } }, 'response_format.type'],
    ['no messages', { messages: null }, 'messages'],
    [
      'a message with a member that is not known [guard: app-unknown-member]',
      { messages: [{ ...MESSAGES[0], mood: 1 }] },
      'messages[0].mood',
    ],
    ['a role that is not known', { messages: [{ role: 'king', content: 'a' }] }, 'messages[0].role'],
    [
      'an image at an address',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://a.example/a.png' } }] }] },
      'messages[0].content[0].image_url.url',
    ],
    [
      'a file by its id',
      { messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'file-1' } }] }] },
      'messages[0].content[0].file.file_data',
    ],
    ['sound', { messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] }, 'messages[0].content[0].type'],
    ['variables of no prompt', { metadata: { bulla_vars: {} } }, 'metadata.bulla_vars'],
    ['half a prompt', { model: 'prompt:claims/triage@' }, 'model'],
    ['a stream that is a word', { stream: 'yes' }, 'stream'],
    ['half a token', { max_tokens: 0.5 }, 'max_tokens'],
  ])('is refused with %s', async (_name, body, param) => {
    const told = await ask(body);
    expect(told.status).toBe(400);
    expect(told.json()).toMatchObject({ code: 'validation_failed', error: { type: 'invalid_request_error', param } });
    expect(told.headers).toMatchObject({ 'x-should-retry': 'false' });
    expect(asked()).toBeUndefined();
  });

  it('may bring parameters that nobody knows where a setting lets them pass', async () => {
    surface = new AppSurface(bulla, { passUnknown: true });
    expect((await ask({ top_k: 1, messages: [{ ...MESSAGES[0], mood: 1 }] })).status).toBe(200);
    const told = await ask({ model: 'prompt:claims/triage', top_k: 1 });
    expect(told.json()).toMatchObject({ error: { param: 'top_k' } });
  });

  it('may send back what a model said, with all that its provider added', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } };
    const said = {
      role: 'assistant',
      content: null,
      refusal: null,
      annotations: [],
      tool_calls: [{ ...call, index: 0 }],
    };
    const answer = {
      role: 'tool',
      tool_call_id: 'call_1',
      content: [{ type: 'text', text: 'rain', cache_control: {} }],
    };
    expect((await ask({ messages: [{ ...MESSAGES[0], name: 'Ann' }, said, answer], tools: [] })).status).toBe(200);
    expect(asked()?.messages).toEqual([
      MESSAGES[0],
      { role: 'assistant', tool_calls: [call] },
      { ...answer, content: [{ type: 'text', text: 'rain' }] },
    ]);
  });

  it.each<[string, string | Uint8Array, Differing, number, string]>([
    ['that is not JSON', '{', {}, 400, 'validation_failed'],
    ['that is a list', '[]', {}, 400, 'validation_failed'],
    [
      'that says it is a form [guard: app-body-media]',
      '{}',
      { headers: { 'content-type': 'text/plain' } },
      415,
      'unsupported_media_type',
    ],
    ['of 13 MiB', new Uint8Array(13 * 1024 * 1024).fill(0x20), {}, 413, 'payload_too_large'],
  ])('has no body %s', async (_name, body, differing, status, code) => {
    const told = await tell(surface, '/chat/completions', body, differing);
    expect([told.status, told.json()['code']]).toEqual([status, code]);
  });
});

describe('what is more than a sealed question holds is refused before anything is asked', () => {
  const image = (bytes: number) => ({
    type: 'image_url',
    image_url: { url: `data:image/png;base64,${'A'.repeat(Math.ceil(bytes / 3) * 4)}` },
  });
  it.each<[string, unknown]>([
    ['images of 5 MiB together', [image(3 * 1024 ** 2), image(2 * 1024 ** 2)]],
    ['words of 11 MiB', 'a'.repeat(11 * 1024 ** 2)],
  ])('%s', async (_name, content) => {
    const told = await ask({ messages: [{ role: 'user', content }] });
    expect([told.status, told.json()['code']]).toEqual([413, 'payload_too_large']);
    expect(told.headers['x-should-retry']).toBe('false');
    expect(asked()).toBeUndefined();
  });
});

describe('a stored prompt', () => {
  beforeEach(() => {
    world.responder.script.deltas = lines(CHUNKS);
  });

  it.each<[string, object, Differing]>([
    ['prompt:claims/triage', { claim: 'wet' }, {}],
    ['prompt:claims/triage@staging', { claim: 'wet' }, {}],
    ['prompt:claims/triage@1', { claim: 'wet' }, {}],
    [
      'prompt:claims/triage',
      { claim: 'wet' },
      { headers: { 'content-type': 'application/json', 'x-bulla-label': 'staging' } },
    ],
  ])('is a model: %s', async (model, vars, differing) => {
    const told = await ask({ model, messages: [], metadata: { bulla_vars: JSON.stringify(vars) } }, differing);
    expect(told.status).toBe(200);
    expect(asked()).toMatchObject({ purpose: 'prompt.invoke', name: 'claims/triage', vars });
  });

  it('takes no instructions of an app [guard: app-prompt-instructions]', async () => {
    const told = await ask({ model: 'prompt:claims/triage', messages: [{ role: 'system', content: 'Obey me.' }] });
    expect([told.status, told.json()['error']]).toEqual([400, expect.objectContaining({ param: 'messages[0].role' })]);
  });

  it('that is not there is told with the command that lists them', async () => {
    const told = await ask({ model: 'prompt:claims/none', messages: [] });
    expect([told.status, told.json()['code']]).toEqual([404, 'not_found']);
    expect(told.text).toContain('bulla prompt list');
  });
});

describe('where answers are kept', () => {
  const keeping = () => {
    const kept: [string | undefined, string][] = [];
    const keeper = {
      newId: () => 'receipt-1',
      keep: (id: string | undefined, { text }: { readonly text: string }) => {
        kept.push([id, text]);
        return Promise.resolve();
      },
    };
    surface = new AppSurface(bulla, { keeper });
    return kept;
  };

  it.each([true, false])('each is, under the id that its response names (a stream: %s)', async (stream) => {
    const kept = keeping();
    const told = await ask({ stream });
    expect(told.headers['x-bulla-receipt-id']).toBe('receipt-1');
    expect(kept).toEqual([['receipt-1', 'It rains.']]);
  });

  it('the app may say that one is not', async () => {
    const kept = keeping();
    const told = await ask({}, { headers: { 'content-type': 'application/json', 'x-bulla-no-store': '1' } });
    expect(told.headers).not.toHaveProperty('x-bulla-receipt-id');
    expect(kept).toEqual([[undefined, 'It rains.']]);
  });
});

it('an address or a method that is not known is refused in the shape that SDKs read', async () => {
  const gone = await tell(surface, '/audio/speech', {});
  expect([gone.status, gone.json()['error']]).toEqual([404, expect.objectContaining({ code: 'not_found' })]);
  const method = await tell(surface, '/chat/completions', undefined);
  expect([method.status, method.json()['code']]).toEqual([405, 'method_not_allowed']);
});

it.each([
  ['a whole answer [guard: app-whole-kept]', false],
  ['the end of a stream [guard: app-stream-kept]', true],
])('%s leaves once it is kept', async (_what, stream) => {
  let isKept = false;
  const keeper = {
    newId: () => 'rcp_1',
    keep: async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      isKept = true;
    },
  };
  const messages = [{ role: 'user', content: 'Hello' }];
  const told = await new AppSurface(bulla, { keeper }).answer(
    requestOf('/chat/completions', { model: 'small', stream, messages }),
  );
  if (typeof told.body !== 'string') for await (const events of told.body) if (events.includes('[DONE]')) break;
  expect(isKept).toBe(true);
});
