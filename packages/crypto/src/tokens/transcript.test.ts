import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FRAMES_MAX } from '../names/limits.js';
import { Transcript, TRANSCRIPT_MAX_BYTES } from './transcript.js';

function expectedOf(deltas: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const delta of deltas) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(delta.length);
    hash.update(length).update(delta);
  }
  return hash.digest('base64url');
}

describe('Transcript', () => {
  it('hashes the length-prefixed deltas in order, as an incremental SHA-256 would', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 12 }), (deltas) => {
        const transcript = new Transcript();
        for (const delta of deltas) transcript.add(delta);
        const bytes = deltas.reduce((sum, { length }) => sum + length, 0);
        expect(transcript.summary()).toEqual({ n: deltas.length, bytes, sha256: expectedOf(deltas) });
      }),
      { numRuns: 50 },
    );
  });

  it('tells the same bytes cut otherwise apart', () => {
    const [one, two] = [new Transcript(), new Transcript()];
    one.add(Uint8Array.of(1, 2));
    for (const byte of [1, 2]) two.add(Uint8Array.of(byte));
    expect(one.summary().sha256).not.toBe(two.summary().sha256);
  });

  it('is of what a delta was when it was added', () => {
    const transcript = new Transcript();
    const delta = Uint8Array.of(1);
    transcript.add(delta);
    delta.fill(2);
    expect(transcript.summary().sha256).toBe(expectedOf([Uint8Array.of(1)]));
  });

  it('takes no further delta once its summary was taken, and says the same again', () => {
    const transcript = new Transcript();
    transcript.add(Uint8Array.of(1));
    const summary = transcript.summary();
    expect(() => transcript.add(Uint8Array.of(2))).toThrow(TypeError);
    expect(transcript.summary()).toEqual(summary);
  });

  it('refuses more bytes than it may hold, prefixes included, and adds nothing then', () => {
    const transcript = new Transcript();
    transcript.add(new Uint8Array(TRANSCRIPT_MAX_BYTES - 8));
    expect(() => transcript.add(Uint8Array.of(1))).toThrow(expect.objectContaining({ code: 'payload_too_large' }));
    transcript.add(new Uint8Array(0));
    expect(() => transcript.add(new Uint8Array(0))).toThrow(expect.objectContaining({ code: 'payload_too_large' }));
    expect(transcript.summary()).toMatchObject({ n: 2, bytes: TRANSCRIPT_MAX_BYTES - 8 });
  });

  it('refuses more frames than the counter allows', () => {
    const transcript = new Transcript();
    const empty = new Uint8Array(0);
    for (let index = 0; index < FRAMES_MAX; index++) transcript.add(empty);
    expect(transcript.n).toBe(FRAMES_MAX);
    expect(() => transcript.add(empty)).toThrow(expect.objectContaining({ code: 'payload_too_large' }));
  });
});
