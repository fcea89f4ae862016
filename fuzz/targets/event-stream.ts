import { deepEqual } from 'node:assert/strict';
import type { StreamEvent } from '../../packages/client/dist/connection/event-stream.js';
import { readEvents } from '../../packages/client/dist/connection/event-stream.js';
import { own } from './kit/input.js';
import { readLater } from './kit/refusals.js';

interface Read {
  readonly events: readonly StreamEvent[];
  readonly isBroken: boolean;
}

/** A stream of events, in pieces of the length that the first byte says: how it was cut says nothing. */
export async function fuzz(input: Uint8Array): Promise<boolean> {
  const bytes = own(input.subarray(1));
  const whole = await readIn(bytes, bytes.length + 1);
  const cut = await readIn(bytes, (input[0] ?? 0) + 1);
  deepEqual(cut, whole);
  return whole.events.length > 0;
}

async function readIn(bytes: Uint8Array, length: number): Promise<Read> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < bytes.length; at += length) controller.enqueue(bytes.slice(at, at + length));
      controller.close();
    },
  });
  const events: StreamEvent[] = [];
  const ended = await readLater(async () => {
    for await (const event of readEvents(new Response(body))) events.push(event);
    return true;
  }, 'BullaError');
  return { events, isBroken: ended === undefined };
}
