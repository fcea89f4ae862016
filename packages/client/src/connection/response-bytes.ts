import type { Bytes } from '@bulla/crypto';
import { BullaError, transportFailed } from './errors.js';

/**
 * The body of a response, refused as soon as it is longer than `maxBytes`.
 * @throws {BullaError} transport_failed
 */
export async function readBytes(response: Response, maxBytes: number): Promise<Bytes> {
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const part of bodyOf(response)) {
      length += part.length;
      if (length > maxBytes) throw transportFailed('the answer is longer than it may be', { retryable: false });
      parts.push(part);
    }
  } catch (cause) {
    throw cause instanceof BullaError ? cause : transportFailed('the answer was cut off', { cause });
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The parts of a body as they arrive; leaving the loop early closes the connection. */
export async function* bodyOf(response: Response): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
