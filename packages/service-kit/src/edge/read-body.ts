import type { IncomingMessage } from 'node:http';
import { Problem } from '@bulla/contract';
import type { Bytes } from '@bulla/crypto';

interface ReadBodyOptions {
  /** Sets bytes aside; returns why it does not. */
  readonly refuse: (bytes: number) => Problem | undefined;
  /** Told when its sender breaks off, also after it was refused. */
  readonly onCut: () => void;
  /** Told once: all of it, or payload_too_large, what `refuse` returned, validation_failed where its sender broke off. */
  readonly onEnd: (body: Bytes | Problem) => void;
}

/**
 * Reads a body piece by piece: each is accounted for before it is kept.
 * @param bytesMax of the route.
 */
export function readBody(payload: IncomingMessage, bytesMax: number, { refuse, onCut, onEnd }: ReadBodyOptions): void {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let isOver = false;
  const end = (body: Bytes | Problem) => {
    if (isOver) return;
    isOver = true;
    // What still comes is Node's to throw away.
    if (body instanceof Problem) payload.off('data', keep);
    onEnd(body);
  };
  const keep = (chunk: Uint8Array) => {
    length += chunk.length;
    const refused = length > bytesMax ? new Problem('payload_too_large') : refuse(chunk.length);
    if (refused === undefined) chunks.push(chunk);
    else end(refused);
  };
  // Anybody can hang up in the middle: that is no fault of ours, and nobody reads the answer.
  payload.once('error', () => {
    onCut();
    // guard: body-cut without: end(new Problem('internal', { cause: new Error('cut') }));
    end(cut());
  });
  if (Number(payload.headers['content-length'] ?? 0) > bytesMax) return end(new Problem('payload_too_large'));
  // Listeners know the list for as long as the request is open, which may be a stream of minutes.
  payload.on('data', keep).once('end', () => end(joined(chunks.splice(0), length)));
}

function cut(): Problem {
  return new Problem('validation_failed', { detail: 'the body broke off' });
}

function joined(chunks: readonly Uint8Array[], length: number): Bytes {
  const [first] = chunks;
  // Most bodies come in one piece, which Node has copied for us: then there is nothing else in its memory.
  const isAll = first?.byteLength === length && first.buffer.byteLength === length;
  if (isAll && first.buffer instanceof ArrayBuffer) return new Uint8Array(first.buffer);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
