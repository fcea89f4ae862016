import { describe, expect, it } from '@jest/globals';
import { RetryBudget } from './retry-budget.js';

const spendAll = (budget: RetryBudget) => Array.from({ length: 50 }, () => budget.spend()).filter(Boolean).length;

describe('a retry budget', () => {
  it('has ten at the start, then one for ten attempts [guard: retry-budget]', () => {
    const budget = new RetryBudget();
    expect(spendAll(budget)).toBe(10);
    for (let attempt = 0; attempt < 9; attempt += 1) budget.earn();
    expect(budget.spend()).toBe(false);
    budget.earn();
    expect([budget.spend(), budget.spend()]).toEqual([true, false]);
  });

  it('saves up no more than ten', () => {
    const budget = new RetryBudget();
    for (let attempt = 0; attempt < 1_000; attempt += 1) budget.earn();
    expect(spendAll(budget)).toBe(10);
  });
});
