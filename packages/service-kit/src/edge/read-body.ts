import type { IncomingMessage } from 'node:http';
import { Problem } from '@bulla/contract';
import type { Bytes } from '@bulla/crypto';

/**
 * Reads a body piece by piece: each is accounted for before it is kept.
 * @param bytesMax of the route.
 * @param refuse sets bytes aside; returns why it does not.
 * @throws {Problem} payload_too_large, what `refuse` returns; validation_failed where its sender breaks off
 */
export async function readBody(
  payload: IncomingMessage,
  bytesMax: number,
  refuse: (bytes: number) => Problem | undefined,
): Promise<Bytes> {
  if (Number(payload.headers['content-length'] ?? 0) > bytesMax) throw new Problem('payload_too_large');
  const chunks: Uint8Array[] = [];
  let length = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const keep = (chunk: Uint8Array) => {
    length += chunk.length;
    const refused = length > bytesMax ? new Problem('payload_too_large') : refuse(chunk.length);
    if (refused === undefined) chunks.push(chunk);
    else reject(refused);
  };
  // Anybody can hang up in the middle: that is no fault of ours, and nobody reads the answer.
  // guard: body-cut without: payload.on('data', keep).once('end', resolve).once('error', reject);
  payload
    .on('data', keep)
    .once('end', resolve)
    .once('error', () => reject(cut()));
  try {
    await promise;
  } finally {
    // What still comes is Node's to throw away.
    payload.off('data', keep).off('end', resolve);
  }
  // Listeners know the list for as long as the request is open, which may be a stream of minutes.
  return joined(chunks.splice(0), length);
}

function cut(): Problem {
  return new Problem('validation_failed', { detail: 'the body broke off' });
}

function joined(chunks: readonly Uint8Array[], length: number): Bytes {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
