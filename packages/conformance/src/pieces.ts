import type { Bytes } from '@bulla/crypto';
import { concatBytes } from '@bulla/crypto';

/** Bytes as a source of one piece. */
export async function* once(bytes: Bytes): AsyncGenerator<Bytes> {
  yield bytes;
}

/** Everything that a stream gives, in one. */
export async function gather(pieces: AsyncIterable<Bytes>): Promise<Bytes> {
  const all: Bytes[] = [];
  for await (const piece of pieces) all.push(piece);
  return concatBytes(...all);
}
