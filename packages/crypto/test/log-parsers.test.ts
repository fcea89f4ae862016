import { CryptoError, decodeUtf8, utf8 } from '@bulla/crypto';
import { parseCheckpoint, parseFrontier, parseLogProof, parseNote, parseNoteKey } from '@bulla/crypto/log';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readVectors } from './vectors.js';

/** Readers of what strangers send: whatever it is, it is read or refused with a code, and what is read is spelled one way. */

const { cases, keys, proof } = readVectors('golden/note.json') as {
  cases: readonly [{ note: string }, ...{ note: string }[]];
  keys: readonly [string, string];
  proof: { text: string };
};

/** Good texts with a piece taken out, doubled, or replaced by another, and texts that are nothing. */
function near(...good: readonly string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.constantFrom('', '\n', '\n\n', ' ', '=', '0', '\u2014 ', 'extra AA==\n', '\u0000', '\ufeff', '\u2028', '+'),
    fc.string({ maxLength: 8 }),
  );
  const changed = fc
    .tuple(fc.constantFrom(...good), fc.nat(), fc.nat({ max: 60 }), piece)
    .map(([text, at, length, put]) => {
      const start = at % (text.length + 1);
      return text.slice(0, start) + put + text.slice(start + length);
    });
  return fc.oneof({ weight: 4, arbitrary: changed }, { weight: 1, arbitrary: fc.string({ unit: 'binary' }) });
}

/** What was read, or undefined; any other error than a refusal with a code is a fault of the reader. */
async function readBy<Value>(read: () => Value | Promise<Value>): Promise<Value | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

const note = cases[0].note;

describe('readers of logs', () => {
  it('read a note or refuse it, and signatures stand there as they were read', () =>
    fc.assert(
      fc.asyncProperty(near(...cases.map((one) => one.note)), async (text) => {
        const parsed = await readBy(() => parseNote(utf8(text)));
        fc.pre(parsed !== undefined);
        const ends = parsed.signatures.map(({ name }) => `\u2014 ${name} `);
        expect(ends.every((start) => text.includes(`\n${start}`))).toBe(true);
        expect(text.startsWith(`${parsed.text}\n\u2014 `)).toBe(true);
      }),
      { numRuns: 500 },
    ));

  it('read a checkpoint or refuse it, and no two texts are the same one', () =>
    fc.assert(
      fc.asyncProperty(near(note.slice(0, note.indexOf('\n\n') + 1)), async (text) => {
        const parsed = await readBy(() => parseCheckpoint(text));
        fc.pre(parsed !== undefined);
        const { origin, size, root, extensions } = parsed;
        const lines = [origin, size, Buffer.from(root).toString('base64'), ...extensions];
        expect(`${lines.join('\n')}\n`).toBe(text);
      }),
      { numRuns: 500 },
    ));

  it('read a proof or refuse it', () =>
    fc.assert(
      fc.asyncProperty(near(proof.text), async (text) => {
        const parsed = await readBy(() => parseLogProof(utf8(text)));
        fc.pre(parsed !== undefined);
        expect(text.endsWith(`\n\n${parsed.checkpoint}`)).toBe(true);
        expect(text).toContain(`\nindex ${parsed.index}\n`);
      }),
      { numRuns: 500 },
    ));

  it('read a key or refuse it, and no two texts are the same one', () =>
    fc.assert(
      fc.asyncProperty(near(...keys), async (text) => {
        const parsed = await readBy(() => parseNoteKey(text));
        expect(parsed === undefined || keys.includes(text)).toBe(true);
      }),
      { numRuns: 500 },
    ));

  it('read bytes of any kind or refuse them', () =>
    fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.double(), async (bytes, size) => {
        const own = Uint8Array.from(bytes);
        for (const read of [parseNote, parseLogProof, (all: Uint8Array) => parseFrontier(size, all)])
          await readBy(() => read(own));
        await readBy(() => parseCheckpoint(decodeUtf8(own)));
        expect(own).toEqual(bytes);
      }),
      { numRuns: 500 },
    ));
});
