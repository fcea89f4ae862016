import { describe, expect, it } from '@jest/globals';
import { closestTo } from './closest-word.js';

describe('the word that was probably meant', () => {
  it.each([
    ['modle', 'model'],
    ['varz', 'vars'],
    ['message', 'messages'],
    ['max_tokens', undefined],
    ['colour', undefined],
    ['', undefined],
    ['x'.repeat(100_000), undefined],
  ])('for %.20s is %s', (word, meant) => expect(closestTo(word, ['type', 'model', 'vars', 'messages'])).toBe(meant));

  it('is the closest of several', () =>
    expect(closestTo('grp:author', ['grp:audits', 'grp:authors'])).toBe('grp:authors'));
});
