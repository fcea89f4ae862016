import { Reply } from '@bulla/contract';
import type { Bytes } from '@bulla/crypto';
import { decodeBase64url, strictParseBody } from '@bulla/crypto';
import { transportFailed } from './errors.js';
import { readEvents } from './event-stream.js';
import { readBytes } from './response-bytes.js';

/** A piece of a reply after its head, still sealed. */
export interface ReplyPart {
  readonly kind: 'frame' | 'final';
  readonly bytes: Bytes;
}

/** A reply that has begun. */
export interface IncomingReply {
  readonly head: Bytes;
  /** Frames and the final, in the order they come. */
  readonly parts: AsyncIterable<ReplyPart> | Iterable<ReplyPart>;
}

const REPLY_MAX_BYTES = 64 * 1024 * 1024;

/**
 * Reads a reply: all of it where it came whole (`application/json`), up to its head where it comes as a stream of
 * events. The media type only says how to read; what was read is judged by what is in it.
 * @throws {BullaError} transport_failed if it is no reply; the same from `parts` for what follows the head
 */
export async function readReply(response: Response): Promise<IncomingReply> {
  const type = response.headers.get('content-type')?.split(';')[0];
  return type === 'text/event-stream' ? readStream(response) : readWhole(response);
}

async function readWhole(response: Response): Promise<IncomingReply> {
  const body = await readBytes(response, REPLY_MAX_BYTES);
  return decoded(() => {
    const { head, frames, final } = Reply.parse(strictParseBody(body, { maxBytes: REPLY_MAX_BYTES }));
    const parts: ReplyPart[] = frames.map((frame) => ({ kind: 'frame', bytes: decodeBase64url(frame) }));
    return { head: decodeBase64url(head), parts: [...parts, { kind: 'final', bytes: decodeBase64url(final) }] };
  });
}

async function readStream(response: Response): Promise<IncomingReply> {
  const events = readEvents(response);
  const first = await events.next();
  if (first.done === true || first.value.event !== 'bulla.head') {
    await events.return(undefined);
    throw noReply();
  }
  const { data } = first.value;
  return { head: decoded(() => decodeBase64url(data)), parts: partsIn(events) };
}

async function* partsIn(events: ReturnType<typeof readEvents>): AsyncGenerator<ReplyPart> {
  let frames = 0;
  for await (const { event, id, data } of events) {
    const bytes = decoded(() => decodeBase64url(data));
    if (event === 'bulla.frame' && id === String(frames)) yield { kind: 'frame', bytes };
    else if (event === 'bulla.final') yield { kind: 'final', bytes };
    else throw noReply();
    frames++;
  }
}

/** What does not decode has lost bytes, or is nobody's reply. */
function decoded<Value>(decode: () => Value): Value {
  try {
    return decode();
  } catch (cause) {
    throw transportFailed('the answer is not a reply', { cause });
  }
}

function noReply() {
  return transportFailed('the answer is not a reply: its parts are missing or out of order');
}
