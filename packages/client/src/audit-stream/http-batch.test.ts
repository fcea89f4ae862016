import { describe, expect, it } from '@jest/globals';
import { deliveryOf, idempotencyKeyOf, ndjsonLine, retryAfterMs } from './http-batch.js';
import { batchesOf } from './stream-batches.js';
import type { StreamedEntry } from './streamed-entry.js';

const entryAt = (index: number): StreamedEntry => ({
  origin: 'urn:bulla:acme:svc:vault/audit/1',
  index,
  leaf: `{"v":1,"id":"aud_${index}"}`,
  entry: {} as StreamedEntry['entry'],
});

describe('a batch over HTTP', () => {
  it('has a line for each entry, with its text as it is', () => {
    const line = ndjsonLine(entryAt(3));
    expect(line).toBe(`{"origin":"urn:bulla:acme:svc:vault/audit/1","index":3,"entry":{"v":1,"id":"aud_3"}}\n`);
    expect(JSON.parse(line)).toMatchObject({ index: 3, entry: { v: 1 } });
  });

  it('says of an entry that does not fit why it does not', () => {
    expect(ndjsonLine({ ...entryAt(3), misfit: 'no service can' })).toBe(
      `{"origin":"urn:bulla:acme:svc:vault/audit/1","index":3,"misfit":"no service can","entry":{"v":1,"id":"aud_3"}}\n`,
    );
  });

  it('has the same key for the same entries, and another for others', () => {
    const keys = [[3, 4, 5], [3, 4, 5], [3, 4], [4, 5], [3]].map((batch) => idempotencyKeyOf(batch.map(entryAt)));
    expect(keys[0]).toBe('"urn:bulla:acme:svc:vault/audit/1:3-5"');
    expect(new Set(keys).size).toBe(4);
    expect(keys[4]).toBe('"urn:bulla:acme:svc:vault/audit/1:3-3"');
  });

  it.each([200, 201, 202, 204])('is taken by %i', (status) => {
    expect(deliveryOf(status, undefined, 0)).toEqual({ kind: 'taken' });
  });

  it.each([400, 413, 422])('has an entry at fault by %i', (status) => {
    expect(deliveryOf(status, undefined, 0)).toMatchObject({ kind: 'refused', tooLarge: status === 413 });
  });

  it.each([100, 301, 302, 307, 401, 403, 404, 405, 407, 408, 409, 415, 425, 429, 451, 500, 502, 503, 504])(
    'has no entry at fault by %i [guard: stream-entry-at-fault]',
    (status) => {
      expect(deliveryOf(status, '7', 0)).toEqual({
        kind: 'away',
        reason: expect.stringContaining(String(status)),
        retryAfterMs: 7_000,
      });
    },
  );
});

describe('Retry-After', () => {
  const NOW = Date.parse('2026-11-28T09:30:00Z');
  it.each([
    ['120', 120_000],
    ['0', 0],
    ['Sat, 28 Nov 2026 09:30:05 GMT', 5_000],
    ['Sat, 28 Nov 2026 09:29:05 GMT', 0],
    ['soon', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['2026-11-28', undefined],
    ['Sat, 99 Nov 2026 09:30:05 GMT', undefined],
    [undefined, undefined],
  ])('%s is %p ms', (value, ms) => {
    expect(retryAfterMs(value, NOW)).toBe(ms);
  });
});

describe('batches', () => {
  const sizes = { countMax: 3, bytesMax: 10, sizeOf: (size: number) => size };
  it.each([
    ['nothing', [], []],
    ['as many as may be', [1, 1, 1, 1], [[1, 1, 1], [1]]],
    ['as much as may be', [5, 5, 1], [[5, 5], [1]]],
    ['one that is larger by itself', [1, 11, 1], [[1], [11], [1]]],
  ])('of %s', (_name, entries, batches) => {
    expect([...batchesOf(entries, sizes)]).toEqual(batches);
  });
});
