import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { utf8 } from '@bulla/crypto';
import { AppSurface } from '../../src/apps/app-surface.js';
import type { World } from '../world.js';
import { draftOf, makeWorld } from '../world.js';
import { tell } from './asking.js';

const target = { upstream: 'local' };
const OFFERED = {
  data: [{ name: 'small', default: true, targets: [target], fallbacks: [] }],
  others: false,
};
const embedding = (index: number) => ({ object: 'embedding', index, embedding: [0.5] });
const line = (value: object) => utf8(`${JSON.stringify(value)}\n`);
const HEAD = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'small' };
const choice = (delta: object, finish_reason: string | null = null) => ({ index: 0, delta, finish_reason });
const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };

let world: World;
let surface: AppSurface;
beforeAll(async () => {
  world = await makeWorld({ policy: { chat: ['grp:authors'] } });
  world.responder.service.lies['model.list'] = () => ({ body: OFFERED });
  const bulla = await world.client();
  surface = new AppSurface(bulla);
  await bulla.prompts.push('claims/triage', 'text', draftOf('Sort {{claim}}'), ['production']);
});
afterAll(() => world.stop());
afterEach(() => {
  world.responder.questions.length = 0;
});

describe('models', () => {
  const owned_by = () => world.organisation.responders[0].urn;

  it('are those of the responder, and the prompts', async () => {
    const told = await tell(surface, '/models', undefined);
    expect(told.json()).toEqual({
      object: 'list',
      data: ['small', 'prompt:claims/triage'].map((id) => ({ id, object: 'model', created: 0, owned_by: owned_by() })),
    });
  });

  it('are the prompts alone for a device that may not chat', async () => {
    const quiet = await makeWorld();
    try {
      const bulla = await quiet.client();
      await bulla.prompts.push('claims/triage', 'text', draftOf('Sort {{claim}}'), ['production']);
      const told = await tell(new AppSurface(bulla), '/models', undefined);
      expect(told.json()['data']).toEqual([expect.objectContaining({ id: 'prompt:claims/triage' })]);
    } finally {
      await quiet.stop();
    }
  });

  it.each(['small', 'prompt:claims/triage', 'prompt:claims%2Ftriage', 'prompt:claims/triage@2'])(
    'has one %s',
    async (id) => {
      const told = await tell(surface, `/models/${id}`, undefined);
      expect(told.json()).toMatchObject({ id: decodeURIComponent(id), object: 'model', owned_by: owned_by() });
    },
  );

  it.each(['large', 'prompt:claims/none', '%'])('has none %s', async (id) => {
    expect((await tell(surface, `/models/${id}`, undefined)).status).toBe(404);
  });
});

describe('embeddings', () => {
  beforeEach(() => {
    const rest = { object: 'list', model: 'small', usage: { prompt_tokens: 2, total_tokens: 2 } };
    world.responder.script.deltas = () => [
      ...[0, 1].map((index) => line({ choices: [], embedding: embedding(index) })),
      line({ choices: [choice({}, 'stop')], embeddings: rest }),
    ];
  });

  it('come verified, in the shape of OpenAI', async () => {
    const told = await tell(surface, '/embeddings', {
      model: 'small',
      input: ['a', 'b'],
      encoding_format: 'float',
      user: 'u',
    });
    expect(told.json()).toMatchObject({ object: 'list', data: [embedding(0), embedding(1)], model: 'small' });
    expect(told.headers).toMatchObject({ 'x-bulla-verified': 'true', 'openai-processing-ms': expect.any(String) });
    expect(world.responder.questions).toEqual([
      expect.objectContaining({ embeddings: { input: ['a', 'b'], encoding_format: 'float' } }),
    ]);
  });

  it.each<[string, object, string]>([
    ['numbers of tokens', { input: [1, 2] }, 'input'],
    ['no text', { input: '' }, 'input'],
    ['no texts', { input: [] }, 'input'],
    ['a stored prompt', { model: 'prompt:claims/triage' }, 'model'],
    ['half a dimension', { dimensions: 0.5 }, 'dimensions'],
    ['a format that is not known', { encoding_format: 'hex' }, 'encoding_format'],
    ['a member that is not known', { truncate: true }, 'truncate'],
  ])('are not made of %s', async (_name, body, param) => {
    const told = await tell(surface, '/embeddings', { model: 'small', input: 'a', ...body });
    expect([told.status, told.json()['error']]).toEqual([400, expect.objectContaining({ param })]);
  });
});

describe('completions, as they were before chats', () => {
  beforeEach(() => {
    world.responder.script.deltas = () => [
      line({ ...HEAD, choices: [choice({ role: 'assistant', content: 'It ' })] }),
      line({ ...HEAD, choices: [choice({ content: 'rains.' })] }),
      line({ ...HEAD, choices: [choice({}, 'stop')] }),
      line({ ...HEAD, choices: [], usage: USAGE }),
    ];
  });
  const ask = (body: object) => tell(surface, '/completions', { model: 'small', prompt: 'Weather?', ...body });
  const text = { id: 'c', object: 'text_completion', created: 1, model: 'small' };
  const part = (words: string, finish_reason: string | null = null) => ({
    ...text,
    choices: [{ text: words, index: 0, logprobs: null, finish_reason }],
  });

  it('are text', async () => {
    const told = await ask({ max_tokens: 9, echo: false, best_of: 1 });
    expect(told.json()).toEqual({ ...part('It rains.', 'stop'), usage: USAGE });
    expect(world.responder.questions[0]).toMatchObject({
      messages: [{ role: 'user', content: 'Weather?' }],
      opt: { max_output_tokens: 9 },
    });
  });

  it('are streamed', async () => {
    const told = await ask({ prompt: ['Weather?'], stream: true, stream_options: { include_usage: true } });
    const end = { ...text, choices: [], usage: USAGE };
    expect(told.events()).toEqual([part('It '), part('rains.'), part('', 'stop'), end, '[DONE]']);
  });

  it.each<[string, object, string]>([
    ['two texts', { prompt: ['a', 'b'] }, 'prompt'],
    ['tokens', { prompt: [1] }, 'prompt'],
    ['an echo', { echo: true }, 'echo'],
    ['log probabilities', { logprobs: 2 }, 'logprobs'],
    ['tools [guard: app-completions-members]', { tools: [{ type: 'function', function: { name: 'a' } }] }, 'tools'],
  ])('are not made of %s', async (_name, body, param) => {
    const told = await ask(body);
    expect([told.status, told.json()['error']]).toEqual([400, expect.objectContaining({ param })]);
  });
});
