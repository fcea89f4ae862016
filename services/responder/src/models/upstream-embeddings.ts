import type { EmbeddingsQuestion } from '@bulla/crypto';
import { DIMENSIONS_MAX } from '@bulla/crypto/names';
import { isVisibleName, strictParseBody } from '@bulla/crypto';
import * as z from 'zod';
import type { ModelChunk } from './model.js';
import { brokenAnswer } from './model-error.js';

/** What an answer with embeddings may be, in bytes. */
export const EMBEDDINGS_BYTES_MAX = 16_777_216;
const VALUES_MAX = 4_194_304;

const countSchema = z.int().min(0);
const embeddingSchema = z.looseObject({
  object: z.literal('embedding'),
  index: countSchema,
  embedding: z.union([
    z.array(z.number()).min(1).max(DIMENSIONS_MAX),
    z
      .string()
      .regex(/^[A-Za-z0-9+/]+={0,2}$/)
      .max(8 * DIMENSIONS_MAX),
  ]),
});
const listSchema = z.looseObject({
  object: z.literal('list'),
  data: z.array(embeddingSchema),
  // guard: upstream-embeddings-model without: model: z.string()
  model: z.string().min(1).max(256).refine(isVisibleName),
  usage: z.looseObject({ prompt_tokens: countSchema, total_tokens: countSchema }).optional(),
});

/**
 * The chunks of an answer that has an embedding for each text, in the order of the texts.
 * @param bytes what the upstream answered
 * @throws {ModelError} upstream_unavailable for anything else, and for an embedding too few, too many or twice
 */
export function embeddingChunks(
  bytes: Uint8Array<ArrayBuffer>,
  { input }: EmbeddingsQuestion,
  shape: Pick<ModelChunk, 'id' | 'object' | 'created'>,
): readonly ModelChunk[] {
  const { data, ...rest } = read(bytes);
  const count = typeof input === 'string' ? 1 : input.length;
  const inOrder = data.toSorted((one, other) => one.index - other.index);
  // guard: upstream-embeddings-count
  if (inOrder.length !== count || inOrder.some(({ index }, at) => index !== at))
    throw brokenAnswer('it has not one embedding for each text');
  const { model, usage } = rest;
  const chunk = { ...shape, model };
  return [
    ...inOrder.map((embedding) => ({ ...chunk, choices: [], embedding })),
    {
      ...chunk,
      choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
      embeddings: rest,
      ...(usage !== undefined && { usage: { ...usage, completion_tokens: 0 } }),
    },
  ];
}

function read(bytes: Uint8Array<ArrayBuffer>): z.infer<typeof listSchema> {
  try {
    return listSchema.parse(strictParseBody(bytes, { maxBytes: EMBEDDINGS_BYTES_MAX, maxValues: VALUES_MAX }));
  } catch {
    throw brokenAnswer('it is no list of embeddings');
  }
}
