import * as z from '#zod';
import { askerMessagesSchema, chatMessagesSchema } from '../chat/messages.js';
import { parametersShape } from '../chat/parameters.js';
import { secondsSchema } from '../keys/keys.js';
import { DIMENSIONS_MAX, EMBEDDED_TEXTS_MAX } from '../names/chat.js';
import {
  bytes32Schema,
  directoryRefSchema,
  hashSchema,
  idSchema,
  modelNameSchema,
  nameSchema,
  opaqueIdSchema,
  urnSchema,
} from '../tokens/claims.js';

/** What is asked: a stored prompt, or a chat without one. Which it is, the envelope says. */
export type InvocationKind = 'prompt' | 'chat';

const optionsShape = {
  stream: z.boolean(),
  privacy: z.enum(['padded', 'strict']),
  max_output_tokens: z.optional(z.int().check(z.gte(1))),
  ...parametersShape,
};

const sharedShape = {
  iss: urnSchema,
  aud: urnSchema,
  iat: secondsSchema,
  exp: secondsSchema,
  jti: idSchema('inv'),
  env: z.strictObject({ jti: idSchema('env'), hash: hashSchema }),
  dir: directoryRefSchema,
  /** The fresh secret that the reply is sealed under. */
  rsp: bytes32Schema,
  retry_of: z.optional(idSchema('inv')),
  /** The API key on whose behalf a service asks. */
  act: z.optional(opaqueIdSchema),
};

const varsSchema = z.record(z.string().check(z.minLength(1), z.maxLength(128)), z.string());
const embeddedText = z.string().check(z.minLength(1));
const embeddingsSchema = z.strictObject({
  input: z.union([embeddedText, z.array(embeddedText).check(z.minLength(1), z.maxLength(EMBEDDED_TEXTS_MAX))]),
  dimensions: z.optional(z.int().check(z.gte(1), z.lte(DIMENSIONS_MAX))),
  encoding_format: z.optional(z.enum(['float', 'base64'])),
});
/** Texts whose embeddings are asked for. */
export type EmbeddingsQuestion = z.infer<typeof embeddingsSchema>;

export const invocationSchema = z.discriminatedUnion('purpose', [
  z.strictObject({
    ...sharedShape,
    purpose: z.literal('prompt.invoke'),
    name: nameSchema,
    vars: varsSchema,
    messages: askerMessagesSchema,
    opt: z.strictObject({ ...optionsShape, model: z.optional(modelNameSchema) }),
  }),
  z
    .strictObject({
      ...sharedShape,
      purpose: z.literal('chat.invoke'),
      /** A chat has none: the responder refuses others. */
      vars: z.optional(varsSchema),
      messages: chatMessagesSchema,
      /** In the place of messages: a question of another kind under the same envelope. */
      embeddings: z.optional(embeddingsSchema),
      opt: z.strictObject({ ...optionsShape, model: modelNameSchema }),
    })
    // guard: question-embeddings-alone
    .check(z.refine(isOfOneKind)),
]);
/** Texts whose embeddings are asked for stand in the place of messages, and only who answers them is to be said. */
function isOfOneKind(claims: { embeddings?: unknown; messages: unknown[]; opt: object }): boolean {
  const { embeddings, messages, opt } = claims;
  return (
    embeddings === undefined ||
    (messages.length === 0 && Object.keys(opt).every((name) => ['stream', 'privacy', 'model'].includes(name)))
  );
}

/** The question (protocol.md §3, I). */
export type InvocationClaims = z.infer<typeof invocationSchema>;

/** What an envelope, a question or a reply is about, by its purpose. */
export function kindAsked({ purpose }: { readonly purpose: string }): InvocationKind {
  return purpose.startsWith('chat.') ? 'chat' : 'prompt';
}
