import { encodeBase64url } from '@bulla/crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply } from '@bulla/contract';
import { Answer } from '@bulla/service-kit';
import type { ReplyPart } from './answer.js';

/** Proxies give up on what is silent for longer. */
const HEARTBEAT_MS = 10_000;
const HEARTBEAT = ': \n\n';
const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
};

/** Whole answers go out as they are, parts as a stream of events. */
export function wholeOrStream(answered: Answer<Reply> | AsyncGenerator<ReplyPart>): Answer<Reply> | Response {
  return answered instanceof Answer ? answered : eventStream(answered);
}

/** A reply as `text/event-stream`: `bulla.head`, `bulla.frame` with ids from 0, `bulla.final`; comments in silence. */
export function eventStream(parts: AsyncGenerator<ReplyPart>, heartbeatMs = HEARTBEAT_MS): Response {
  return new Response(ReadableStream.from(encoded(parts, heartbeatMs)), { headers: HEADERS });
}

async function* encoded(parts: AsyncGenerator<ReplyPart>, heartbeatMs: number): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  let frames = 0;
  for await (const part of withSilences(parts, heartbeatMs)) {
    if (part === SILENCE) {
      yield encoder.encode(HEARTBEAT);
      continue;
    }
    const id = part.kind === 'frame' ? `id: ${frames++}\n` : '';
    yield encoder.encode(`event: bulla.${part.kind}\n${id}data: ${encodeBase64url(part.bytes)}\n\n`);
  }
}

const SILENCE = Symbol('silence');

/** The parts, and a mark wherever the next one is longer in coming. */
async function* withSilences(
  parts: AsyncGenerator<ReplyPart>,
  everyMs: number,
): AsyncGenerator<ReplyPart | typeof SILENCE> {
  try {
    for (;;) {
      const next = parts.next();
      // It is awaited below; until then a fault must not count as one that nobody waits for.
      next.catch(() => {});
      for (;;) {
        const over = new AbortController();
        const silence = sleep(everyMs, SILENCE, { signal: over.signal, ref: false }).catch(() => SILENCE);
        const result = await Promise.race([next, silence]);
        over.abort();
        if (typeof result === 'symbol') {
          yield SILENCE;
          continue;
        }
        if (result.done === true) return;
        yield result.value;
        break;
      }
    }
  } finally {
    await parts.return(undefined);
  }
}
