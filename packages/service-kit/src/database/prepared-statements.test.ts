import { describe, expect, it } from '@jest/globals';
import { StatementNames } from './prepared-statements.js';

const ask = (names: StatementNames, text: string, times: number) =>
  Array.from({ length: times }, () => names.of(text)).at(-1);

describe('names of statements', () => {
  it('are given to what comes again and again, one to each', () => {
    const names = new StatementNames();
    expect([ask(names, 'select 1', 4), ask(names, 'select 2', 4)]).toEqual([undefined, undefined]);
    expect([ask(names, 'select 2', 1), ask(names, 'select 1', 1)]).toEqual(['bulla_0', 'bulla_1']);
    expect([ask(names, 'select 1', 9), ask(names, 'select 2', 9)]).toEqual(['bulla_1', 'bulla_0']);
  });

  it('are 200 at most: each is a plan in the memory of the server, for each connection', () => {
    const names = new StatementNames();
    const given = Array.from({ length: 300 }, (_, at) => ask(names, `select ${at}`, 10));
    expect(new Set(given.slice(0, 200)).size).toBe(200);
    expect(given.slice(200)).toEqual(Array.from({ length: 100 }, () => undefined));
    expect(ask(names, 'select 7', 1)).toBe('bulla_7');
  });

  it('are not given to lists of ever other lengths, and those do not keep others from having one', () => {
    const names = new StatementNames();
    for (let length = 0; length < 2_500; length++) expect(names.of(`select ${'$1,'.repeat(length)}`)).toBeUndefined();
    expect(ask(names, 'select 1', 5)).toBe('bulla_0');
  });
});
