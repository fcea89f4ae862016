import { FRESH_MAX, TAGS_MAX } from '../names/limits.js';
import * as z from '#zod';
import { chunkText, linesOf, parseChunk } from '../chat/chunks.js';
import type { Bytes } from '../encoding/bytes.js';
import { encodeBase64url, utf8 } from '../encoding/bytes.js';
import { nameSchema, urnSchema, versionSchema } from '../tokens/claims.js';
import { CryptoError } from '../names/errors.js';
import type { FinClaims } from '../run/reply.js';
import { parseFin, usageSchema } from '../run/reply.js';
import { checkShape } from '../encoding/schema.js';
import { strictParse } from '../encoding/strict-parse.js';
import { FRAMES_MAX } from '../names/limits.js';
import type { TrustDocuments } from '../organisation/trust-documents.js';

/**
 * Largest answer file in bytes: pieces of 8 MiB, which is the most that a responder says, in base64url, their text, and
 * documents.
 */
export const ANSWER_MAX_BYTES = 32 * 1024 * 1024;
/** Most values of an answer file: as many pieces as a reply may have, and what stands around them. */
const ANSWER_MAX_VALUES = FRAMES_MAX + 1024;

const tokenSchema = z.string().check(z.minLength(1));
const encodedSchema = z.string().check(z.regex(/^[A-Za-z0-9_-]*$/));

const evidenceSchema = z.strictObject({
  /** Root documents from version 1 on. */
  root: z.array(tokenSchema).check(z.minLength(1), z.maxLength(256)),
  policy: tokenSchema,
  /** The directory whose hash the responder signed. */
  directory: tokenSchema,
  /** The tags through which the name was resolved; none for a chat. */
  tags: z.array(tokenSchema).check(z.maxLength(TAGS_MAX)),
  envelope: tokenSchema,
  /** The signed question, if the asker wishes to show it. */
  invocation: z.optional(tokenSchema),
  head: encodedSchema,
  deltas: z.array(encodedSchema),
  fin: tokenSchema,
  /** What renewers said of the position of the tags, where the tags did not say it themselves. */
  fresh: z.optional(z.array(tokenSchema).check(z.minLength(1), z.maxLength(FRESH_MAX))),
});
/** The tokens of one answer, from which everything else follows. */
export type Evidence = z.infer<typeof evidenceSchema>;

const answerSchema = z.strictObject({
  text: z.string(),
  usage: usageSchema,
  /** Absent for a chat without a stored prompt. */
  prompt: z.optional(z.strictObject({ name: nameSchema, version: versionSchema })),
  responder: urnSchema,
  /** What the asker's own client found. Nobody else relies on it: verifying never reads it. */
  verified: z.boolean(),
  evidence: evidenceSchema,
});
/** answer.json: an answer that everybody who holds the organisation's pin can verify. */
export type Answer = z.infer<typeof answerSchema>;

/** What an asker holds after a verified reply. */
export interface AnswerParts {
  /** With the very directory that the fin names, or nobody can verify the answer. */
  readonly documents: TrustDocuments;
  readonly tags: readonly string[];
  readonly envelope: string;
  /** The inner question, if it is to be shown; it holds the reply secret of this one answer. */
  readonly invocation?: string | undefined;
  readonly head: Bytes;
  /** As the opener delivered them, one per frame. */
  readonly deltas: readonly Bytes[];
  readonly fin: string;
  /** As the bundle had them. */
  readonly fresh?: readonly string[] | undefined;
}

/** What is known of an answer whose parts were read before. */
export interface AnswerRead {
  readonly said?: string;
  readonly fin?: FinClaims;
}

/**
 * The text of answer.json for a reply that `verifyFin` accepted.
 * @param known what was read already: the words, as {@link answerText} reads them from the deltas, and the claims of the fin.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function composeAnswer(parts: AnswerParts, known: AnswerRead = {}): string {
  const { said = answerText(parts.deltas), fin = parseFin(parts.fin).claims } = known;
  const answer: Answer = {
    text: said,
    usage: fin.usage,
    ...(fin.purpose === 'prompt.reply' && { prompt: { name: fin.prm.name, version: fin.prm.ver } }),
    responder: fin.iss,
    verified: true,
    evidence: {
      root: [...parts.documents.roots],
      policy: parts.documents.policy,
      directory: parts.documents.directory,
      tags: [...parts.tags],
      envelope: parts.envelope,
      ...(parts.invocation !== undefined && { invocation: parts.invocation }),
      head: encodeBase64url(parts.head),
      deltas: parts.deltas.map(encodeBase64url),
      fin: parts.fin,
      ...(parts.fresh !== undefined && { fresh: [...parts.fresh] }),
    },
  };
  // What we make, we would accept. That it is JSON in the one spelling, JSON.stringify has seen to: reading it once more
  // would take longer than all else, where the directory of a large organisation is in it.
  checkShape(answer, answerSchema, 'answer');
  const text = `${JSON.stringify(answer)}\n`;
  // One UTF-16 code unit is three bytes at most.
  const mayBeTooLarge = text.length > ANSWER_MAX_BYTES / 3;
  if (mayBeTooLarge && utf8(text).length > ANSWER_MAX_BYTES)
    throw new CryptoError('payload_too_large', 'the answer file is too large');
  return text;
}

/**
 * Reads an answer file without trusting it: what `JSON.stringify` writes and one newline, nothing else.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseAnswer(file: Bytes | string): Answer {
  const bytes = typeof file === 'string' ? utf8(file) : file;
  if (bytes.at(-1) !== 0x0a) throw new CryptoError('token_malformed', 'the answer does not end with a newline');
  const limits = { maxBytes: ANSWER_MAX_BYTES, maxValues: ANSWER_MAX_VALUES };
  return checkShape(strictParse(bytes.subarray(0, -1), limits), answerSchema, 'answer');
}

/**
 * The answer in words: what the first choice says in every `chat.completion.chunk` line of the deltas, joined.
 * A line may span deltas; lines end with a newline, the last one need not.
 * @throws {CryptoError} token_malformed
 */
export function answerText(deltas: readonly Bytes[]): string {
  let text = '';
  for (const line of linesOf(deltas)) text += chunkText(parseChunk(line));
  return text;
}
