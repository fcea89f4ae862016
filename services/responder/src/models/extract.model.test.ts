import { describe, expect, it } from '@jest/globals';
import { EchoModel } from './echo.model.js';
import { ExtractModel, extractAnswer } from './extract.model.js';
import type { Model, ModelChunk, ModelRequest } from './model.js';

const user = (content: string) => ({ role: 'user', content }) as const;
const system = (content: string) => ({ role: 'system', content }) as const;
const ask = (...messages: ModelRequest['messages']): ModelRequest => ({ messages, requestId: 'inv_1' });

async function collect(
  model: Model,
  request: ModelRequest,
  signal = new AbortController().signal,
): Promise<ModelChunk[]> {
  const chunks: ModelChunk[] = [];
  for await (const some of model.stream(request, signal)) chunks.push(...some);
  return chunks;
}

const textOf = (chunks: readonly ModelChunk[]) => chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');

describe('the rule of builtin:extract', () => {
  it.each([
    [
      'sentences that share most words with the last message, in the order of the prompt',
      [
        system('Cats eat fish. Dogs eat bones. Birds sing.\nThe dogs of the street eat old bones at night.'),
        user('What bones do dogs eat?'),
      ],
      'Cats eat fish.\nDogs eat bones.\nThe dogs of the street eat old bones at night.',
    ],
    [
      'the earlier sentence on a tie',
      [user('Alpha one. Bravo two. Charlie three. Delta four.')],
      'Alpha one.\nBravo two.\nCharlie three.',
    ],
    [
      'words of a sentence of the last message only where another sentence has them too',
      [user('Unique words stand here alone. The policy covers water. Water came in. Does the policy cover it?')],
      'The policy covers water.\nWater came in.\nDoes the policy cover it?',
    ],
    [
      'upper and lower case, and compatibility forms, as equal',
      [system('nothing. none. null. ＷＡＴＥＲ damage.'), user('water? Damage?')],
      'ＷＡＴＥＲ damage.',
    ],
    [
      'words under three letters as none',
      [system('it is so. we do it. a b c. Only this.'), user('it is so, only')],
      'Only this.',
    ],
    ['a repeated sentence once', [system('Same again. Same again.'), user('Same again.')], 'Same again.'],
    [
      'full-width marks as ends, and ideographs as words',
      [system('猫は魚を食べる。犬は骨を食べる。鳥が歌う。雨。'), user('犬の骨')],
      '犬は骨を食べる。',
    ],
    [
      'closing quotes as part of the sentence',
      [user('He said "stop." Then he left.')],
      'He said "stop."\nThen he left.',
    ],
    ['numbers with a point as one sentence', [user('It cost 3.50 euros')], 'It cost 3.50 euros'],
    ['nothing where there are no words', [user(' \n -- .')], ''],
    ['nothing where there is no message', [], ''],
  ] as const)('takes %s', (_name, messages, answer) => {
    expect(extractAnswer(messages)).toBe(answer);
  });

  it('does not slow down on long runs of white space, marks or letters', () => {
    for (const run of [' ', '\t.', '.', '\n', 'x', '猫', '"']) {
      expect(typeof extractAnswer([user(run.repeat(200_000)), user(run)])).toBe('string');
    }
  });
});

describe.each([
  ['builtin:extract', new ExtractModel()],
  ['builtin:echo', new EchoModel()],
])('%s', (name, model) => {
  it('calls itself by its own name, never by that of a language model', async () => {
    const chunks = await collect(model, ask(user('Hello world.')));
    expect(model.name).toBe(name);
    expect(new Set(chunks.map((chunk) => chunk.model))).toEqual(new Set([name]));
  });

  it('answers in pieces, then a finish reason, then counted tokens', async () => {
    const chunks = await collect(model, ask(system('Be brief.'), user('Brief words\nfor brief minds')));
    expect(chunks[0]).toMatchObject({
      id: 'inv_1',
      object: 'chat.completion.chunk',
      choices: [{ delta: { role: 'assistant', content: '' } }],
    });
    const pieces = chunks.slice(1, -2).map((chunk) => chunk.choices[0]?.delta.content);
    expect(pieces.length).toBeGreaterThan(4);
    expect(chunks.at(-2)?.choices).toEqual([{ index: 0, delta: {}, finish_reason: 'stop' }]);
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 7, completion_tokens: pieces.length, total_tokens: 7 + pieces.length },
    });
  });

  it('says the same for the same prompt', async () => {
    const request = ask(user('One thing. Another thing. A third one.'));
    expect(textOf(await collect(model, request))).toBe(textOf(await collect(model, request)));
  });

  it('ends at the limit of tokens, with length', async () => {
    const chunks = await collect(model, { ...ask(user('one two three four five')), maxOutputTokens: 2 });
    expect(textOf(chunks)).toBe('one two ');
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('length');
    expect(chunks.at(-1)?.usage?.completion_tokens).toBe(2);
  });

  it('stops when the signal is aborted, before and in the middle', async () => {
    const reason = new Error('gone');
    await expect(collect(model, ask(user('a')), AbortSignal.abort(reason))).rejects.toBe(reason);
    const gone = new AbortController();
    const seen: ModelChunk[] = [];
    const reading = (async () => {
      for await (const some of model.stream(ask(user('one two three four '.repeat(20))), gone.signal)) {
        seen.push(...some);
        if (textOf(seen) !== '') gone.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
    expect(textOf(seen)).toMatch(/^(one two three four ){8}$/);
  });

  it('has nothing to close', async () => {
    await expect(model.close()).resolves.toBeUndefined();
  });
});

describe('builtin:echo', () => {
  it.each([
    ['the last message', [system('rules'), user('  Grüße,\n\n 😀 you!  ')], '  Grüße,\n\n 😀 you!  '],
    ['nothing where there is no message', [], ''],
    ['long words in pieces', [user('x'.repeat(1_000))], 'x'.repeat(1_000)],
  ] as const)('answers %s', async (_name, messages, answer) => {
    const chunks = await collect(new EchoModel(), ask(...messages));
    expect(textOf(chunks)).toBe(answer);
    expect(Math.max(...chunks.map((chunk) => chunk.choices[0]?.delta.content?.length ?? 0))).toBeLessThanOrEqual(65);
  });
});
