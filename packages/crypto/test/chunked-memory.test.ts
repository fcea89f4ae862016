import type { Bytes } from '@bulla/crypto';
import { newStreamKey, sealStream, utf8 } from '@bulla/crypto';
import { openStream } from '@bulla/crypto/open';
import { describe, expect, it } from '@jest/globals';
import { held, heldBefore } from './held-memory.js';

const MIB = 1_048_576;
const TOTAL_BYTES = 64 * MIB;
/** What may be in use beside what was in use before: a few pieces, and what the engine has not given back yet. */
const GROWTH_MAX_BYTES = 24 * MIB;

/** 64 MiB that are made as they are asked for, in pieces of 1 MiB, through sealing and opening at once. */
function opened(): ReadableStream<Bytes> {
  const options = { key: newStreamKey(), context: utf8('a large file') };
  let made = 0;
  const source = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        controller.enqueue(new Uint8Array(MIB).fill(made));
        made += MIB;
        if (made === TOTAL_BYTES) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  return source.pipeThrough(sealStream(options)).pipeThrough(openStream(options));
}

/** Reads all of it. @returns how many bytes came, and the most that was held beyond the beginning, looked at every 4 MiB */
async function read(
  stream: ReadableStream<Bytes>,
  keep: (piece: Bytes) => void,
): Promise<{ bytes: number; growth: number }> {
  const before = heldBefore();
  const reader = stream.getReader();
  let bytes = 0;
  let growth = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    keep(next.value);
    const isDue = Math.floor(bytes / (4 * MIB)) < Math.floor((bytes + next.value.length) / (4 * MIB));
    bytes += next.value.length;
    if (!isDue) continue;
    // A busy machine gives back late: what seems to be too much is looked at again after a whole collection.
    const seen = held() - before;
    growth = Math.max(growth, seen < GROWTH_MAX_BYTES ? seen : heldBefore() - before);
  }
  return { bytes, growth };
}

describe('64 MiB, sealed and opened as a stream', () => {
  it('are never held all at once', async () => {
    const { bytes, growth } = await read(opened(), () => undefined);
    expect(bytes).toBe(TOTAL_BYTES);
    expect(growth).toBeLessThan(GROWTH_MAX_BYTES);
  });

  it('would be noticed if they were', async () => {
    const all: Bytes[] = [];
    const { growth } = await read(opened(), (piece) => all.push(piece));
    expect(all.reduce((sum, { length }) => sum + length, 0)).toBe(TOTAL_BYTES);
    expect(growth).toBeGreaterThan(TOTAL_BYTES - GROWTH_MAX_BYTES);
  });
});
