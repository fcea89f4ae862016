import * as z from '#zod';
import type { Bytes } from '../encoding/bytes.js';
import { utf8 } from '../encoding/bytes.js';
import { checkShape } from '../encoding/schema.js';
import { strictParseBody } from '../encoding/strict-parse.js';
import { CryptoError } from '../names/errors.js';
import { CHOICES_MAX, TOOLS_MAX } from '../names/chat.js';
import { TRANSCRIPT_MAX_BYTES } from '../tokens/transcript.js';

/**
 * The one shape of what a model says, piece by piece: OpenAI's `chat.completion.chunk`. A responder seals lines of them, a
 * client and a verifier of answers read them. Members that are not named here are carried as they are.
 */

/** Tokens as a model server counted them, and what else it said of them. */
export interface CompletionUsage {
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
  readonly total_tokens?: number;
  readonly [more: string]: unknown;
}

/** A piece of a call of a tool; pieces with one `index` are one call, and their `arguments` are joined. */
export interface ToolCallDelta {
  readonly index: number;
  readonly id?: string;
  readonly type?: 'function';
  readonly function?: { readonly name?: string; readonly arguments?: string; readonly [more: string]: unknown };
  readonly [more: string]: unknown;
}

export interface CompletionDelta {
  readonly role?: 'assistant';
  readonly content?: string | null;
  readonly refusal?: string | null;
  readonly tool_calls?: readonly ToolCallDelta[];
  readonly [more: string]: unknown;
}

export interface CompletionChunk<Finish extends string = string> {
  readonly id: string;
  readonly object: 'chat.completion.chunk';
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
  readonly choices: readonly {
    readonly index: number;
    readonly delta: CompletionDelta;
    readonly finish_reason: Finish | null;
    readonly [more: string]: unknown;
  }[];
  readonly usage?: CompletionUsage | null;
  readonly [more: string]: unknown;
}

/** Most values of one line of an answer: what is made of millions takes gigabytes. */
export const LINE_VALUES_MAX = 2 ** 16;
const LINE_LIMITS = { maxBytes: TRANSCRIPT_MAX_BYTES, maxValues: LINE_VALUES_MAX };

const text = z.optional(z.nullable(z.string()));
const choiceSchema = z.looseObject({
  index: z._default(z.int().check(z.gte(0), z.lt(CHOICES_MAX)), 0),
  delta: z._default(
    z.looseObject({
      content: text,
      refusal: text,
      tool_calls: z.optional(
        z
          .array(
            z.looseObject({
              index: z.int().check(z.gte(0), z.lt(TOOLS_MAX)),
              id: z.optional(z.string()),
              function: z.optional(z.looseObject({ name: z.optional(z.string()), arguments: z.optional(z.string()) })),
            }),
          )
          .check(z.maxLength(TOOLS_MAX)),
      ),
    }),
    {},
  ),
  finish_reason: z._default(z.nullable(z.string()), null),
});
const chunkSchema = z.looseObject({
  id: z._default(z.string(), ''),
  object: z._default(z.literal('chat.completion.chunk'), 'chat.completion.chunk'),
  created: z._default(z.int(), 0),
  model: z._default(z.string(), ''),
  choices: z.array(choiceSchema).check(z.maxLength(CHOICES_MAX)),
  usage: z.optional(z.nullable(z.looseObject({}))),
});

/**
 * Reads one line of an answer.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseChunk(line: string): CompletionChunk {
  const value = strictParseBody(utf8(line), LINE_LIMITS);
  return checkShape(value, chunkSchema, 'answer chunk') as CompletionChunk;
}

/** What a chunk adds to the text of an answer: what its first choice says. Further choices are other answers. */
export function chunkText({ choices }: Pick<CompletionChunk, 'choices'>): string {
  return choices.find(({ index }) => index === 0)?.delta.content ?? '';
}

/**
 * The lines of an answer, as its deltas come: a line, and even a character, may span deltas; the last line need not end
 * with a newline.
 */
export class LineReader {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #pending: string[] = [];

  /**
   * The lines that this delta completes, without those that hold nothing.
   * @throws {CryptoError} token_malformed
   */
  *read(delta: Bytes): Generator<string> {
    const said = this.#decode(delta);
    let start = 0;
    for (let end = said.indexOf('\n'); end >= 0; end = said.indexOf('\n', start)) {
      yield* this.#line(said.slice(start, end));
      start = end + 1;
    }
    if (start < said.length) this.#pending.push(said.slice(start));
  }

  /**
   * A last line that no newline ends.
   * @throws {CryptoError} token_malformed
   */
  *end(): Generator<string> {
    yield* this.#line(this.#decode());
  }

  *#line(end: string): Generator<string> {
    const line = this.#pending.join('') + end;
    this.#pending = [];
    if (line !== '') yield line;
  }

  #decode(delta?: Bytes): string {
    try {
      return delta === undefined ? this.#decoder.decode() : this.#decoder.decode(delta, { stream: true });
    } catch {
      throw new CryptoError('token_malformed', 'the deltas are not valid UTF-8');
    }
  }
}

/**
 * The lines of an answer whose deltas are all at hand.
 * @throws {CryptoError} token_malformed
 */
export function* linesOf(deltas: Iterable<Bytes>): Generator<string> {
  const reader = new LineReader();
  for (const delta of deltas) yield* reader.read(delta);
  yield* reader.end();
}
