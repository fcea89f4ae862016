import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomFrom } from '@bulla/testkit';
import { afterAll, describe, expect, it } from '@jest/globals';
import { randomWeights, tinyGguf, weightsSaying } from '../../../test/tiny-gguf.js';
import type { ModelChunk, ModelRequest } from '../model.js';
import { GgufModel } from './gguf.model.js';
import { ggufMistake, isLlamaInstalled } from './llama.js';

const folder = mkdtempSync(join(tmpdir(), 'bulla-gguf-'));
const path = join(folder, 'tiny.gguf');
// Weights of one kind, so that its words are the same each time.
writeFileSync(path, tinyGguf(randomWeights(randomFrom(7))));
const model = new GgufModel(path, 60_000);
afterAll(() => model.close());

const questionOf = (more: Partial<ModelRequest> = {}): ModelRequest => ({
  messages: [
    { role: 'system', content: 'be brief' },
    { role: 'user', content: 'hello' },
  ],
  requestId: 'inv_1',
  maxOutputTokens: 8,
  ...more,
});

async function collect(more: Partial<ModelRequest> = {}, from = model): Promise<ModelChunk[]> {
  const chunks: ModelChunk[] = [];
  for await (const some of from.stream(questionOf(more), new AbortController().signal)) chunks.push(...some);
  return chunks;
}
const textOf = (chunks: readonly ModelChunk[]) => chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');

// Without `npm run build:gguf` there is nothing to try, and the run counts it as skipped.
const withLlama = isLlamaInstalled() ? describe : describe.skip;

withLlama('a model in this process', () => {
  it('answers in pieces, with its finish and what it counted', async () => {
    const chunks = await collect();
    expect(chunks[0]?.choices[0]?.delta).toEqual({ role: 'assistant', content: '' });
    expect(textOf(chunks).length).toBeGreaterThan(0);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('length');
    const { usage } = chunks.at(-1) ?? {};
    expect(usage?.completion_tokens).toBe(8);
    expect(usage?.prompt_tokens).toBeGreaterThan(10);
    expect(new Set(chunks.map(({ model: name }) => name))).toEqual(new Set(['tiny.gguf']));
  });

  it('says the same twice, and several at once', async () => {
    const all = await Promise.all([collect(), collect(), collect()]);
    expect(new Set(all.map(textOf)).size).toBe(1);
  });

  it('refuses a question that does not fit into its context [guard: gguf-context]', async () => {
    const long = { role: 'user' as const, content: 'word '.repeat(4_000) };
    await expect(collect({ messages: [long] })).rejects.toMatchObject({
      code: 'model_incapable',
      fault: { cause: 'needs_context' },
    });
  });

  it('stops when its asker leaves, and answers the next one', async () => {
    const leaving = new AbortController();
    const chunks = model.stream(questionOf({ maxOutputTokens: 1_000 }), leaving.signal);
    await chunks.next();
    await chunks.next();
    const left = new Error('left');
    leaving.abort(left);
    await expect(
      (async () => {
        for await (const _ of chunks);
      })(),
    ).rejects.toBe(left);
    expect(textOf(await collect()).length).toBeGreaterThan(0);
  });

  it('that takes too long is stopped', async () => {
    const slow = new GgufModel(path, 1);
    await expect(collect({ maxOutputTokens: 1_000 }, slow)).rejects.toMatchObject({ code: 'upstream_timeout' });
    await slow.close();
  });

  it('that is broken fails as a server that is not there', async () => {
    const broken = join(folder, 'broken.gguf');
    writeFileSync(broken, tinyGguf(randomWeights(randomFrom(7))).subarray(0, 60_000));
    const other = new GgufModel(broken, 60_000);
    await expect(collect({}, other)).rejects.toMatchObject({ code: 'upstream_unavailable' });
    await other.close();
  });

  it('that says what no reply may hold is broken [guard: gguf-text]', async () => {
    const file = join(folder, 'nul.gguf');
    writeFileSync(file, tinyGguf(weightsSaying(0)));
    const other = new GgufModel(file, 60_000);
    await expect(collect({}, other)).rejects.toMatchObject({ fault: { cause: 'not_completions' } });
    await other.close();
  });
});

describe('a question to a model in this process', () => {
  it('is not asked for a bias of tokens [guard: gguf-sampling]', async () => {
    await expect(collect({ parameters: { logit_bias: { 1: 1 } } })).rejects.toMatchObject({
      code: 'model_incapable',
      fault: { cause: 'needs_sampling' },
    });
  });
});

withLlama('a file of a model', () => {
  it('is one by how it begins [guard: gguf-beginning]', () => {
    expect(ggufMistake(path)).toBeUndefined();
    const [text, newer] = [join(folder, 'text.gguf'), join(folder, 'newer.gguf')];
    writeFileSync(text, 'no model');
    writeFileSync(newer, 'GGUF and rubbish');
    for (const wrong of [text, newer, join(folder, 'none.gguf'), folder])
      expect(ggufMistake(wrong)).toBe('expected behind gguf: the path of a model in the format GGUF');
  });
});
