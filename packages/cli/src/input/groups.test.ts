import { describe, expect, it } from '@jest/globals';
import { meant } from './groups.js';

describe('a group that is spelt nearly as another', () => {
  it.each([
    ['grp:suport', 'grp:support'],
    ['grp:supprot', 'grp:support'],
    ['grp:authros', 'grp:authors'],
    ['grp:author', 'grp:authors'],
    ['grp:qb', 'grp:qa'],
  ])('%s is perhaps %s', (group, other) => {
    expect(meant(group, ['grp:other', other, 'grp:members'])).toBe(`; did you mean ${other}?`);
  });

  it.each([
    ['grp:finance', ['grp:support', 'grp:authors']],
    ['grp:qa', ['grp:ops']],
    ['grp:alone', []],
  ])('%s is none of %j', (group, known) => {
    expect(meant(group, known)).toBe('');
  });
});
