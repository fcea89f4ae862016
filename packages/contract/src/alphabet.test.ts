import { describe, expect, it } from '@jest/globals';
import { base64urlText, textOf } from './alphabet.js';

const LONG = 6_000_000;

describe('text of certain characters', () => {
  it.each([
    ['one character', 'a', true],
    ['as many as there may be', 'a'.repeat(LONG), true],
    ['one more', 'a'.repeat(LONG + 1), false],
    ['none', '', false],
    ['another one at the start', `!${'a'.repeat(LONG - 1)}`, false],
    ['another one at the end', `${'a'.repeat(LONG - 1)}!`, false],
    ['another one at the edge of a slice', `${'a'.repeat(65_535)}!${'a'.repeat(9)}`, false],
    ['a newline at the end', 'a\n', false],
    ['a number', 1, false],
  ])('judges %s', (_name, text, accepted) => {
    expect(textOf('a-z', LONG, 'must be letters').safeParse(text).success).toBe(accepted);
  });

  it('says what is wrong and asks nothing else of text that is too long', () => {
    const { error } = base64urlText(10).safeParse('!'.repeat(11));
    expect(error?.issues.map(({ message }) => message)).toEqual(['must have at most 10 characters']);
  });
});
