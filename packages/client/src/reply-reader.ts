import { Reply } from '@bulla/contract';
import type { Bytes } from '@bulla/crypto';
import { decodeBase64url, strictParseBody } from '@bulla/crypto';
import { checked, transportFailed } from './errors.js';
import { readEvents } from './event-stream.js';
import { readBytes } from './response-bytes.js';

/** A piece of a reply as it arrives, still sealed. */
export type ReplyPart = { readonly kind: 'head' | 'frame' | 'final'; readonly bytes: Bytes };

const REPLY_MAX_BYTES = 64 * 1024 * 1024;
const KINDS = { 'bulla.head': 'head', 'bulla.frame': 'frame', 'bulla.final': 'final' } as const;

/**
 * The parts of a reply in order, whether it came whole (`application/json`) or as a stream of events. The media
 * type only says how to read; what was read is judged by what is in it.
 */
export async function* readReply(response: Response): AsyncGenerator<ReplyPart> {
  const type = response.headers.get('content-type')?.split(';')[0];
  if (type === 'text/event-stream') yield* readStream(response);
  else yield* await readWhole(response);
}

async function readWhole(response: Response): Promise<ReplyPart[]> {
  const bytes = await readBytes(response, REPLY_MAX_BYTES);
  const result = Reply.safeParse(await checked(() => strictParseBody(bytes, { maxBytes: REPLY_MAX_BYTES })));
  if (!result.success) throw transportFailed('the answer is not a reply', { status: response.status });
  const { head, frames, final } = result.data;
  return checked(() => [
    { kind: 'head' as const, bytes: decodeBase64url(head) },
    ...frames.map((frame) => ({ kind: 'frame' as const, bytes: decodeBase64url(frame) })),
    { kind: 'final' as const, bytes: decodeBase64url(final) },
  ]);
}

async function* readStream(response: Response): AsyncGenerator<ReplyPart> {
  let frames = 0;
  for await (const { event, id, data } of readEvents(response)) {
    const kind = Object.hasOwn(KINDS, event) ? KINDS[event as keyof typeof KINDS] : undefined;
    if (kind === undefined) throw transportFailed('the stream holds an event that belongs to no reply');
    if (kind === 'frame' && id !== String(frames++)) throw transportFailed('the frames of the stream do not count up');
    yield { kind, bytes: await checked(() => decodeBase64url(data)) };
  }
}
