import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { StreamEvent } from './event-stream.js';
import { readEvents } from './event-stream.js';

interface Read {
  readonly events: readonly StreamEvent[];
  /** Why the reading ended, if not because the stream did. */
  readonly fault?: string;
}

/** Reads a stream that arrives in pieces of `length` bytes. */
async function readIn(length: number, text: string): Promise<Read> {
  const bytes = new TextEncoder().encode(text);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < bytes.length; at += length) controller.enqueue(bytes.slice(at, at + length));
      controller.close();
    },
  });
  const events: StreamEvent[] = [];
  try {
    for await (const event of readEvents(new Response(body))) events.push(event);
    return { events };
  } catch (error) {
    return { events, fault: (error as Error).message };
  }
}

const FRAME = 'event: bulla.frame\nid: 0\ndata: AAAA\n\n';
const NO_STREAM = 'the answer is not a stream of events';
const AS_READ = { event: 'bulla.frame', id: '0', data: 'AAAA' };

describe('a stream of events', () => {
  it.each([1, 2, 3, 1000])('is read from pieces of %i bytes', async (length) => {
    const stream = `: heartbeat\n\n${FRAME}${FRAME.replaceAll('\n', '\r\n')}data: \u00e4\u{1f512}\n\n`;
    const events = [AS_READ, AS_READ, { event: '', id: undefined, data: '\u00e4\u{1f512}' }];
    expect(await readIn(length, stream)).toEqual({ events });
  });

  it.each([1, 2, 3, 1000])('ends at a line that is no field, in pieces of %i bytes', async (length) => {
    expect(await readIn(length, `${FRAME}<html>\n\n${FRAME}`)).toEqual({ events: [AS_READ], fault: NO_STREAM });
    expect(await readIn(length, `${FRAME}retry: soon\n\n${FRAME}`)).toEqual({ events: [AS_READ], fault: NO_STREAM });
  });

  it('is refused when an event or a line is longer than it may be', async () => {
    const fault = 'an event of the answer is longer than it may be';
    for (const length of [1024, 200_000]) {
      expect(await readIn(length, `data: ${'A'.repeat(100_000)}`)).toEqual({ events: [], fault });
      expect(await readIn(length, 'data: A\n'.repeat(20_000))).toEqual({ events: [], fault });
    }
  });

  it('says the same however it was cut', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.constantFrom('data: A', 'id: 1', 'event: x', ': c', '<p>', '*": d', '\n', '\n\n', '\r', '\u{1f512}'),
        ),
        fc.integer({ min: 1, max: 9 }),
        async (pieces, length) => {
          const text = pieces.join('');
          expect(await readIn(length, text)).toEqual(await readIn(text.length * 4 + 1, text));
        },
      ),
    ));
});
