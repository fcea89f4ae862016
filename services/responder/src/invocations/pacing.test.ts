import { describe, expect, it } from '@jest/globals';
import { concatBytes, utf8 } from '@bulla/crypto';
import type { Bytes } from '@bulla/crypto';
import fc from 'fast-check';
import { pacedDeltas, paceOf } from './pacing.js';
import type { Pace, Piece } from './pacing.js';

const GATHER: Pace = { kind: 'gather', everyMs: 5, bytes: 10 };
const FILL: Pace = { kind: 'fill', bytes: 10 };
const BEAT: Pace = { kind: 'beat', everyMs: 1, bytes: 10 };

/** Pieces with words; one in brackets has none. */
async function* of(...pieces: (string | Error | Promise<unknown>)[]): AsyncGenerator<Piece> {
  for (const piece of pieces) {
    if (piece instanceof Error) throw piece;
    if (piece instanceof Promise) await piece;
    else yield { bytes: utf8(piece), hasWords: !piece.startsWith('[') };
  }
}

async function collect(deltas: AsyncIterable<Bytes>): Promise<{ texts: string[]; error: unknown }> {
  const texts: string[] = [];
  try {
    for await (const delta of deltas) texts.push(Buffer.from(delta).toString('utf8'));
  } catch (error) {
    return { texts, error };
  }
  return { texts, error: undefined };
}

describe('an answer at its pace', () => {
  it.each([GATHER, FILL, BEAT])('is the same bytes in the same order, no delta too long ($kind)', async (pace) => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }), async (pieces) => {
        async function* source(): AsyncGenerator<Piece> {
          for (const piece of pieces) yield { bytes: new Uint8Array(piece), hasWords: piece.length > 20 };
        }
        const deltas: Bytes[] = [];
        for await (const delta of pacedDeltas(source(), pace)) deltas.push(delta);
        expect(concatBytes(...deltas)).toEqual(concatBytes(...pieces.map((piece) => new Uint8Array(piece))));
        expect(deltas.every((delta) => delta.length <= pace.bytes)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it.each([GATHER, FILL, BEAT])('cuts a long piece without copying what waits ($kind)', async (pace) => {
    const deltas: Bytes[] = [];
    for await (const delta of pacedDeltas(of('x'.repeat(95)), pace)) deltas.push(delta);
    const said = deltas.filter(({ length }) => length > 0);
    expect(said.map(({ length }) => length)).toEqual([...Array.from({ length: 9 }, () => 10), 5]);
    expect(new Set(said.map(({ buffer }) => buffer)).size).toBe(1);
  });

  it('joins what comes together', async () => {
    const { texts } = await collect(pacedDeltas(of('ab', 'cd', 'ef'), GATHER));
    expect(texts).toEqual(['ab', 'cdef']);
  });

  it('fills its frames where nobody sees when they are made, however late it comes', async () => {
    const late = new Promise((resolve) => void setTimeout(resolve, 20));
    const { texts } = await collect(pacedDeltas(of('[role]', 'ab', late, 'cdefghijklmnop'), FILL));
    expect(texts).toEqual(['[role]abcd', 'efghijklmn', 'op']);
  });

  it('sends what comes until the first words at once, and joins from then on', async () => {
    const { texts } = await collect(pacedDeltas(of('[role]', '[]', 'ab', 'cd', '[usage]'), GATHER));
    expect(texts).toEqual(['[role]', '[]', 'ab', 'cd[usage]']);
  });

  it('does not wait for more than its time', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const deltas = pacedDeltas(of('ab', promise, 'cd'), GATHER);
    const first = await deltas.next();
    resolve();
    expect([first.value, (await deltas.next()).value]).toEqual([utf8('ab'), utf8('cd')]);
    await deltas.return(undefined);
  });

  it.each([GATHER, FILL, BEAT])('delivers what came before a fault, then the fault ($kind)', async (pace) => {
    const fault = new Error('cut');
    const { texts, error } = await collect(pacedDeltas(of('ab', 'cd', fault), pace));
    expect(texts.join('')).toBe('abcd');
    expect(error).toBe(fault);
  });

  it.each([GATHER, FILL, BEAT])('lets go of its source when nobody listens any more ($kind)', async (pace) => {
    let closed = false;
    async function* source(): AsyncGenerator<Piece> {
      try {
        for (;;) yield { bytes: utf8('ab'.repeat(1_000)), hasWords: true };
      } finally {
        closed = true;
      }
    }
    const deltas = pacedDeltas(source(), pace);
    await deltas.next();
    await deltas.return(undefined);
    expect(closed).toBe(true);
  });

  it('beats with nothing to say while the source is silent', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const deltas = pacedDeltas(of(promise, 'ab'), BEAT);
    const silent = await deltas.next();
    resolve();
    const { texts } = await collect(deltas);
    expect(silent.value).toEqual(new Uint8Array(0));
    expect(texts.join('')).toBe('ab');
  });

  it.each([
    ['padded', true, { kind: 'gather', everyMs: 40, bytes: 16_383 }],
    ['padded', false, { kind: 'fill', bytes: 16_383 }],
    ['strict', true, { kind: 'beat', everyMs: 100, bytes: 255 }],
    ['strict', false, { kind: 'fill', bytes: 255 }],
  ] as const)('of %s privacy, stream %s', (privacy, stream, pace) => {
    expect(paceOf({ privacy, stream })).toEqual(pace);
  });
});
