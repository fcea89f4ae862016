import { describe, expect, it } from '@jest/globals';
import { ask, storePrompt } from '../../test/asking.js';
import { suite } from '../../test/suite.js';
import type { ModelChunk, ModelRequest } from '../models/model.js';
import { Model } from '../models/model.js';
import { AnswerBudget, KEPT_TIMES } from './answer-budget.js';

describe('room for answers', () => {
  it('is so much for each [guard: answer-bytes]', () => {
    const meter = new AnswerBudget({ bytesMax: 10, heldMax: 100 }).open(true);
    expect([meter.take(6), meter.take(4), meter.take(1)]).toEqual([true, true, false]);
  });

  it('is so much for all that are kept, and comes back when they end [guard: answer-held]', () => {
    const budget = new AnswerBudget({ bytesMax: 10, heldMax: 15 * KEPT_TIMES });
    const [first, second, stream] = [budget.open(true), budget.open(true), budget.open(false)];
    expect([first.take(10), second.take(5), stream.take(10)]).toEqual([true, true, true]);
    expect(() => second.take(1)).toThrow(expect.objectContaining({ code: 'overloaded' }));
    expect(budget.held).toBe(15 * KEPT_TIMES);
    first.close();
    first.close();
    expect(budget.held).toBe(5 * KEPT_TIMES);
    expect(second.take(5)).toBe(true);
    second.close();
    stream.close();
    expect(budget.held).toBe(0);
  });
});

/** Says the same again and again. */
class EndlessModel extends Model {
  override readonly name = 'endless';
  stopped = 0;

  override async *stream({ requestId }: ModelRequest): AsyncIterable<readonly ModelChunk[]> {
    const rest = { id: requestId, object: 'chat.completion.chunk', created: 1, model: 'endless' } as const;
    try {
      for (;;) {
        yield [{ ...rest, choices: [{ index: 0, delta: { content: 'x'.repeat(1_000) }, finish_reason: null }] }];
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      this.stopped += 1;
    }
  }
}

const model = new EndlessModel();
const all = suite({ model: () => model, answerLimits: { bytesMax: 100_000, heldMax: 250_000 * KEPT_TIMES } });

describe('a model that does not stop', () => {
  it.each([false, true])('is stopped where an answer is as long as it may be (stream: %s)', async (stream) => {
    const prompt = await storePrompt(all.organisation);
    const before = model.stopped;
    const { text, fin } = await all.run(
      await ask(all.organisation, prompt, { question: { opt: { stream, privacy: 'padded' } } }),
    );
    expect(fin.finish).toBe('length');
    expect(text.length).toBeGreaterThan(80_000);
    expect(text.length).toBeLessThan(100_000);
    expect(model.stopped).toBe(before + 1);
  });
});
