import { Problem } from '@bulla/contract';
import { describe, expect, it } from '@jest/globals';
import type { ModelChunk, ModelDelta } from '../models/model.js';
import { AnswerBudget } from './answer-budget.js';
import { AnswerEnd } from './answer-end.js';
import { linesOf } from './answer-lines.js';

const SHAPE = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' } as const;
const chunk = (delta: ModelDelta, finish_reason: 'stop' | null = null): ModelChunk => {
  return { ...SHAPE, choices: [{ index: 0, delta, finish_reason }] };
};
const word = (content: string) => chunk({ content });
const CALL = chunk({ tool_calls: [{ index: 0, id: 'call_1' }] });
const STOP = chunk({}, 'stop');

interface Told {
  /** The lines of each piece. */
  readonly pieces: readonly (readonly ModelChunk[])[];
  readonly end: AnswerEnd;
  readonly error: unknown;
}

/** @param batches what comes together; an error is a fault of the source. */
async function tell(
  batches: readonly (readonly ModelChunk[] | Error)[],
  { isWhole = true, bytesMax = 10_000, heldMax = 100_000 } = {},
): Promise<Told> {
  async function* source() {
    for (const batch of batches) {
      if (batch instanceof Error) throw batch;
      yield batch;
    }
  }
  const end = new AnswerEnd({ name: 'm', host: undefined });
  const meter = new AnswerBudget({ bytesMax, heldMax }).open(isWhole);
  const pieces: ModelChunk[][] = [];
  let error: unknown;
  try {
    for await (const { bytes } of linesOf(source(), { end, meter, choices: 1, isWhole })) {
      const lines = Buffer.from(bytes).toString().split('\n');
      expect(lines.pop()).toBe('');
      pieces.push(lines.map((line) => JSON.parse(line) as ModelChunk));
    }
  } catch (fault) {
    error = fault;
  }
  return { pieces, end, error };
}

const FAULT = new Error('on purpose');

describe('the lines of a stream', () => {
  it('are chunks, together those that came together', async () => {
    const { pieces, end } = await tell([[word('a'), word('b')], [], [STOP]], { isWhole: false });
    expect(pieces).toEqual([[word('a'), word('b')], [STOP]]);
    expect(end.summary().finish).toBe('stop');
  });
});

describe('the lines of a whole answer', () => {
  it('are as few as say the same, wherever it came in pieces', async () => {
    const batches = [[word('a'), word('b')], [word('c'), CALL], [word('d')], [word('e'), STOP]];
    const { pieces, end } = await tell(batches);
    expect(pieces.flat()).toEqual([word('abc'), CALL, word('de'), STOP]);
    expect(end.summary().finish).toBe('stop');
  });

  it('are told before a fault of what says them', async () => {
    const { pieces, error } = await tell([[word('a'), CALL], [word('b')], FAULT]);
    expect(pieces.flat()).toEqual([word('a'), CALL, word('b')]);
    expect(error).toBe(FAULT);
  });

  it('are told before there is no room for more, without a hole', async () => {
    const { pieces, error } = await tell([[word('a'), CALL, word('b'), word('x'.repeat(2_000))]], { heldMax: 5_000 });
    expect(pieces.flat()).toEqual([word('a'), CALL, word('b')]);
    expect(error).toBeInstanceOf(Problem);
  });

  it.each([true, false])('end with their length where there are too many (whole: %s)', async (isWhole) => {
    const length = { ...SHAPE, choices: [{ index: 0, delta: {}, finish_reason: 'length' }] };
    const { pieces, end } = await tell([[word('a'), word('x'.repeat(2_000)), word('b')], [STOP]], {
      isWhole,
      bytesMax: 1_000,
    });
    expect(pieces.flat()).toEqual([word('a'), length]);
    expect(end.summary().finish).toBe('length');
  });
});
