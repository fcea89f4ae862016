import { beforeEach, describe, expect, it } from '@jest/globals';
import { MetTokens } from './met-tokens.js';

let nowMs: number;
let met: MetTokens<number>;
beforeEach(() => {
  nowMs = 1_000;
  met = new MetTokens(() => nowMs, { ageMs: 60_000, uses: 3, characters: 10 });
});

describe('what was found out about a token', () => {
  it('is found by every byte of it', () => {
    met.keep('token', 1);
    expect([met.find('token'), met.find('tokem'), met.find('toke'), met.find('tokens')]).toEqual([
      1,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('is forgotten at its age [guard: met-age]', () => {
    met.keep('token', 1);
    nowMs += 59_999;
    expect(met.find('token')).toBe(1);
    nowMs += 1;
    expect(met.find('token')).toBeUndefined();
  });

  it('is forgotten after so many uses, and looking is none [guard: met-uses]', () => {
    met.keep('token', 1);
    for (let looks = 0; looks < 5; looks++) met.find('token');
    for (let uses = 0; uses < 2; uses++) met.use('token');
    expect(met.find('token')).toBe(1);
    met.use('token');
    expect(met.find('token')).toBeUndefined();
  });

  it('is as young and as new as when it was kept last', () => {
    met.keep('token', 1);
    met.use('token');
    nowMs += 59_999;
    met.keep('token', 2);
    nowMs += 59_999;
    for (let uses = 0; uses < 2; uses++) met.use('token');
    expect(met.find('token')).toBe(2);
  });

  it('makes room for what comes later, the oldest first', () => {
    for (const [found, token] of ['aaaa', 'bbbb', 'cc'].entries()) met.keep(token, found);
    expect(['aaaa', 'bbbb', 'cc'].map((token) => met.find(token))).toEqual([0, 1, 2]);
    met.keep('d', 3);
    expect(['aaaa', 'bbbb', 'cc', 'd'].map((token) => met.find(token))).toEqual([undefined, 1, 2, 3]);
  });

  it('is not kept where it is longer than all room there is, and nothing goes for it', () => {
    met.keep('a', 0);
    met.keep('b'.repeat(11), 1);
    expect([met.find('a'), met.find('b'.repeat(11))]).toEqual([0, undefined]);
  });

  it('leaves its room when it goes', () => {
    for (let round = 0; round < 3; round++) {
      met.keep('a'.repeat(10), round);
      nowMs += 60_000;
      expect(met.find('a'.repeat(10))).toBeUndefined();
    }
    for (const token of ['bbbbb', 'ccccc']) met.keep(token, 7);
    expect(['bbbbb', 'ccccc'].map((token) => met.find(token))).toEqual([7, 7]);
  });
});
