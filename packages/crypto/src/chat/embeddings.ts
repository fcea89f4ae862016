import { CryptoError } from '../names/errors.js';
import type { CompletionChunk } from './chunks.js';

/** An embedding of one text, as OpenAI's interface has it: numbers, or the same in base64. */
export interface Embedding {
  readonly object: 'embedding';
  readonly index: number;
  readonly embedding: readonly number[] | string;
  readonly [more: string]: unknown;
}

/** The embeddings of all texts that were asked for. Members that are not named here are carried. */
export interface EmbeddingList {
  readonly object: 'list';
  readonly data: readonly Embedding[];
  readonly model: string;
  readonly [more: string]: unknown;
}

/**
 * Puts embeddings together: each is in a chunk of its own as `embedding`, and the last chunk has everything else as
 * `embeddings` (docs/spec/frames.md#embeddings). That there is one for each text has to be compared with the question.
 * @throws {CryptoError} token_malformed where the chunks are no embeddings, or not all of them
 */
export function embeddingsOf(chunks: Iterable<CompletionChunk>): EmbeddingList {
  const data: unknown[] = [];
  let rest: object | undefined;
  for (const { embedding, embeddings } of chunks) {
    if (embedding !== undefined) data.push(embedding);
    if (typeof embeddings === 'object' && embeddings !== null) rest = embeddings;
  }
  // guard: embeddings-end without: rest ??= {};
  if (rest === undefined) throw new CryptoError('token_malformed', 'the answer does not end as embeddings do');
  return { ...rest, data } as unknown as EmbeddingList;
}
