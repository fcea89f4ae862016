import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { UpstreamEvents } from './upstream-events.js';

const bytes = (text: string) => new TextEncoder().encode(text);

function read(pieces: readonly (string | Uint8Array)[], sizeMax = 1_000): string[] {
  const events = new UpstreamEvents(sizeMax);
  return pieces.flatMap((piece) => events.push(typeof piece === 'string' ? bytes(piece) : piece));
}

describe('reads', () => {
  it.each([
    ['events of several lines', ['data: a\ndata: b\n\n'], ['a\nb']],
    ['CR LF, split anywhere', ['data: a\r', '\n\r\nda', 'ta: b\r\n\r\n'], ['a', 'b']],
    ['comments, names, ids and retry times as nothing', [': ping\n\nevent: x\nid: 1\nretry: 10\ndata: a\n\n'], ['a']],
    ['a byte order mark as nothing', ['\u{feff}data: a\n\n'], ['a']],
    ['no event that has not ended', ['data: a\n\ndata: b\n'], ['a']],
    ['nothing from an empty piece', [''], []],
  ])('%s', (_name, pieces, data) => {
    expect(read(pieces)).toEqual(data);
  });

  it('the same, however the bytes are split', () => {
    const stream = bytes(': ping\r\n\r\ndata: {"text":"grüße 😀"}\n\ndata: [DONE]\n\n');
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length)), (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
        const pieces = places.slice(1).map((end, i) => stream.subarray(places[i], end));
        expect(read(pieces)).toEqual(['{"text":"grüße 😀"}', '[DONE]']);
      }),
    );
  });
});

describe('refuses', () => {
  it.each([
    ['a line that is no field', ['<html>\n']],
    ['a line that is no field, in pieces', ['<ht', 'ml', '>\n']],
    ['a field that lost its beginning', ['data: a\n\nta: b\n\n']],
    ['bytes that are no UTF-8', [new Uint8Array([0xff, 0x0a])]],
    ['a line over the limit that has not ended', [`data: ${'x'.repeat(700)}`, 'x'.repeat(700)]],
    ['a line over the limit', [`data: ${'x'.repeat(1_200)}\n\n`]],
    ['an event over the limit', Array.from({ length: 30 }, () => `data: ${'x'.repeat(50)}\n`)],
  ])('%s', (_name, pieces) => {
    expect(() => read(pieces)).toThrow(expect.objectContaining({ code: 'upstream_unavailable' }));
  });
});
