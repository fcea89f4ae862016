import { describe, expect, it } from '@jest/globals';
import { textOf, verdictsOf } from './report.js';

const machine = {
  cpu: 'one',
  cores: 1,
  node: 'v24.0.0',
  openssl: 'OpenSSL 3',
  postgres: 'PostgreSQL 15',
  signsPerSecond: 1,
};
const added = {
  direct: { wholeMs: 2, firstMs: 1 },
  proxied: { wholeMs: 14, firstMs: 11 },
  costs: { proxy: 2, vault: 0.1, responder: 3 },
  operations: { proxy: 2.01, vault: 0.02, responder: 2.02 },
  chunkMicroseconds: 60,
};
const idle = { streams: 1_000, memoryMiB: 299 };
const held = (changes: object) => verdictsOf({ added, idle, ...changes }).map((one) => one.held);

describe('the bounds of the proxy', () => {
  it('are held at their edge', () => {
    expect(held({})).toEqual([true, true, true, true, true, true]);
    expect(textOf({ machine, date: '2026-12-08T00:00:00Z', added, idle })).not.toContain('missed');
  });

  // Each is a planted fault: one that is not noticed would make every run a good one.
  const proxied = (changes: object) => ({ added: { ...added, proxied: { ...added.proxied, ...changes } } });
  it.each<[string, object, number]>([
    ['a whole answer that takes longer', proxied({ wholeMs: 14.1 }), 0],
    ['a first word that comes later', proxied({ firstMs: 11.1 }), 1],
    ['chunks that take longer', { added: { ...added, chunkMicroseconds: 61 } }, 2],
    [
      'one operation more in a hundred',
      { added: { ...added, operations: { ...added.operations, responder: 2.03 } } },
      3,
    ],
    ['operations that nobody counts', { added: { ...added, operations: { proxy: 0, vault: 0, responder: 0 } } }, 4],
    ['streams that take more', { idle: { ...idle, memoryMiB: 300 } }, 5],
    ['nothing measured', proxied({ wholeMs: Number.NaN }), 0],
  ])('are not held with %s', (_name, changes, at) => {
    const expected = Array.from({ length: 6 }, (_, index) => index !== at);
    expect(held(changes)).toEqual(expected);
  });
});
