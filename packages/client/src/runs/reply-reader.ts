import { Reply } from '@bulla/contract';
import type { Bytes } from '@bulla/crypto';
import { decodeBase64url, strictParseBody } from '@bulla/crypto';
import { transportFailed } from '../connection/errors.js';
import type { StreamEvent } from '../connection/event-stream.js';
import { readEvents } from '../connection/event-stream.js';
import { readBytes } from '../connection/response-bytes.js';
import type { AnswerMedia, Arrival } from '../connection/transport.js';

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
/** How long the end of a connection's answer may take after its last event. */
const ENDING_MS = 1_000;

/** How a reply is to come. */
export interface ReplyWanted {
  /** Which was asked for: another one is not read. */
  readonly media: AnswerMedia;
  /** Longest time between two parts of a stream, in milliseconds; heartbeats do not count as parts. */
  readonly idleMs: number;
}

/**
 * Reads a reply: all of it where it comes whole (`application/json`), up to its head where it comes as a stream of
 * events. It comes as it was asked for: a stream in the place of a whole answer would have no end that anybody waits for.
 * What was read is judged by what is in it.
 * @throws {BullaError} transport_failed if it is no reply; the same from `parts` for what follows the head
 */
export async function readReply({ response, stop }: Arrival, { media, idleMs }: ReplyWanted): Promise<IncomingReply> {
  const type = response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  // guard: client-reply-media
  if (type !== media) {
    stop();
    throw transportFailed(`the answer is not ${media}, which was asked for`);
  }
  return media === 'text/event-stream' ? readStream(response, stop, idleMs) : readWhole(response);
}

async function readWhole(response: Response): Promise<IncomingReply> {
  const body = await readBytes(response, REPLY_MAX_BYTES);
  return decoded(() => {
    const { head, frames, final } = Reply.parse(strictParseBody(body, { maxBytes: REPLY_MAX_BYTES }));
    const parts: ReplyPart[] = frames.map((frame) => ({ kind: 'frame', bytes: decodeBase64url(frame) }));
    return { head: decodeBase64url(head), parts: [...parts, { kind: 'final', bytes: decodeBase64url(final) }] };
  });
}

async function readStream(response: Response, stop: () => void, idleMs: number): Promise<IncomingReply> {
  const events = readEvents(response);
  const first = await events.next();
  if (first.done === true || first.value.event !== 'bulla.head') {
    await events.return(undefined);
    throw noReply();
  }
  const { data } = first.value;
  return { head: decoded(() => decodeBase64url(data)), parts: partsIn(events, stop, idleMs) };
}

async function* partsIn(events: Events, stop: () => void, idleMs: number): AsyncGenerator<ReplyPart> {
  let isOver = false;
  let isWhole = false;
  try {
    for (let frames = 0; ; frames++) {
      const { done, value } = await nextWithin(events, idleMs, () => {
        isOver = true;
        stop();
      });
      if (done === true) return;
      const { event, id, data } = value;
      const bytes = decoded(() => decodeBase64url(data));
      if (event === 'bulla.frame' && id === String(frames)) yield { kind: 'frame', bytes };
      else if (event === 'bulla.final') {
        isWhole = true;
        yield { kind: 'final', bytes };
      } else throw noReply();
    }
  } finally {
    if (isWhole) void letEnd(events, stop);
    // What was given up on may never say that it has ended.
    else if (!isOver) await events.return(undefined);
  }
}

/** Lets a connection end its answer, so that it serves the next one; nothing that still comes is looked at. */
async function letEnd(events: Events, stop: () => void): Promise<void> {
  const timer = setTimeout(stop, ENDING_MS);
  try {
    if ((await events.next()).done !== true) stop();
  } catch {
    // It broke: the next question gets another one.
  } finally {
    clearTimeout(timer);
  }
}

type Events = ReturnType<typeof readEvents>;

/** The next event, or transport_failed where none comes in time: heartbeats alone could go on for ever. */
async function nextWithin(
  events: Events,
  idleMs: number,
  giveUp: () => void,
): Promise<IteratorResult<StreamEvent, void>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    // guard: client-stream-idle
    timer = setTimeout(() => {
      reject(transportFailed(`no part of the answer came for ${idleMs / 1000} s`));
      giveUp();
    }, idleMs);
  });
  try {
    return await Promise.race([events.next(), late]);
  } finally {
    clearTimeout(timer);
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
