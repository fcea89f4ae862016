import type { Fields, Operation, Vector } from '@bulla/conformance';
import { type Bytes, concatBytes } from '@bulla/crypto';

/** Something that one side made, in the form of a vector: what the other one gets, and what it must find. */
export function made(op: Operation, format: string, input: Fields, ok: Fields): Vector {
  return { id: `made/${format}`, format, op, name: 'made by the other side', input, expected: { ok } };
}

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
