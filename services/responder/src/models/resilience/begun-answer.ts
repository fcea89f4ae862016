import type { ModelChunk } from '../model.js';

/** As many chunks without a word as are kept back: a server that sends more has begun, whatever it means by them. */
const HELD_MAX = 64;

/** An answer whose first words are there. */
export interface BegunAnswer {
  /** What came so far. */
  readonly held: readonly ModelChunk[];
  /** What comes now. Its `return` closes the connection. */
  readonly rest: AsyncIterator<readonly ModelChunk[]>;
}

/**
 * Waits for the first words, or for the end. Until then nothing has been passed on, so that another may be asked.
 * @throws what the chunks throw
 */
export async function beginningOf(chunks: AsyncIterable<readonly ModelChunk[]>): Promise<BegunAnswer> {
  const rest = chunks[Symbol.asyncIterator]();
  const held: ModelChunk[] = [];
  for (;;) {
    const { done, value } = await rest.next();
    if (done === true) return { held, rest };
    held.push(...value);
    if (value.some(hasBegun) || held.length >= HELD_MAX) return { held, rest };
  }
}

/** A role alone says nothing, nor does an empty text, nor what a server says of the question before its answer. */
function hasBegun({ choices, usage, embedding }: ModelChunk): boolean {
  const says = ({ delta, finish_reason }: ModelChunk['choices'][number]) =>
    finish_reason !== null || Object.entries(delta).some(([name, value]) => name !== 'role' && Boolean(value));
  return usage !== undefined || embedding !== undefined || choices.some(says);
}

/** All chunks of an answer. Returning early closes the connection, wherever the reader was. */
export async function* chunksOf({ held, rest }: BegunAnswer): AsyncGenerator<readonly ModelChunk[]> {
  try {
    if (held.length > 0) yield held;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
