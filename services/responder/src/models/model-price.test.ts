import { describe, expect, it } from '@jest/globals';
import { costInNanos } from './model-price.js';

const usage = (prompt_tokens: number, completion_tokens: number) => ({
  prompt_tokens,
  completion_tokens,
  total_tokens: prompt_tokens + completion_tokens,
});

describe('the price of a usage', () => {
  it.each([
    ['a million of each', usage(1_000_000, 1_000_000), { input: 2, output: 8 }, 10_000_000_000],
    ['one token', usage(1, 0), { input: 0.0375, output: 0.15 }, 38],
    ['decimals without a remainder', usage(3, 0), { input: 0.1, output: 0 }, 300],
    ['nothing asked and nothing answered', usage(0, 0), { input: 2, output: 8 }, 0],
    ['a model that is free', usage(5, 7), { input: 0, output: 0 }, 0],
    ['an answer alone', usage(0, 250), { input: 2, output: 8 }, 2_000_000],
  ])('of %s is counted in whole billionths, rounded up', (_name, tokens, price, nanos) => {
    expect(costInNanos(tokens, price)).toBe(nanos);
  });

  it.each([
    ['without a price', usage(1, 1), undefined],
    ['without a count of what was asked', { completion_tokens: 1 }, { input: 1, output: 1 }],
    ['without a count of what was answered', { prompt_tokens: 1 }, { input: 1, output: 1 }],
  ])('is not known %s', (_name, tokens, price) => {
    expect(costInNanos(tokens, price)).toBeUndefined();
  });
});
