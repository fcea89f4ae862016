import { type Bytes, concatBytes } from '@bulla/crypto';

/** Pieces of an async source, as a file or a socket would hand them out. */
export async function* piecesOf(parts: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* parts;
}

/** Everything that a stream gives, in one. */
export async function gather(source: AsyncIterable<Bytes>): Promise<Bytes> {
  const all: Bytes[] = [];
  for await (const piece of source) all.push(piece);
  return concatBytes(...all);
}
