import type { Bytes } from '@bulla/crypto';
import { concatBytes, utf8 } from '@bulla/crypto';
import type { ModelChunk, ModelDelta } from '../models/model.js';
import type { AnswerMeter } from './answer-budget.js';
import type { AnswerEnd } from './answer-end.js';
import { joined } from './joined-chunks.js';
import type { Piece } from './pacing.js';

export interface LinesPlan {
  /** Learns what passes. */
  readonly end: AnswerEnd;
  /** How much may be said. */
  readonly meter: AnswerMeter;
  /** How many were asked for. */
  readonly choices: number;
  /** Nobody sees where one piece of it ends and the next begins: those that only add words to the one before are joined. */
  readonly isWhole: boolean;
}

/**
 * What a model says as NDJSON, one `chat.completion.chunk` on each line, together those that came together; where an answer
 * is as long as it may be, the last says so. What came before a fault is told before it.
 */
export async function* linesOf(answered: AsyncIterable<readonly ModelChunk[]>, plan: LinesPlan): AsyncGenerator<Piece> {
  const lines = new AnswerLines(plan);
  let fault: { readonly error: unknown } | undefined;
  try {
    for await (const chunks of answered) {
      const piece = lines.take(chunks);
      if (piece !== undefined) yield piece;
      if (lines.isFull) return;
    }
  } catch (error) {
    fault = { error };
  }
  const last = lines.end();
  if (last !== undefined) yield last;
  if (fault !== undefined) throw fault.error;
}

class AnswerLines {
  readonly #plan: LinesPlan;
  /** Of a whole answer: what the next chunk may be joined to. */
  #open: ModelChunk | undefined;
  isFull = false;

  constructor(plan: LinesPlan) {
    this.#plan = plan;
  }

  /** The lines of these chunks, as far as they are told yet. */
  take(chunks: readonly ModelChunk[]): Piece | undefined {
    const { end, meter, choices, isWhole } = this.#plan;
    const told: Piece[] = [];
    for (const chunk of chunks) {
      const longer = this.#open === undefined ? undefined : joined(this.#open, chunk);
      const line = longer === undefined ? lineOf(chunk) : undefined;
      if (!meter.take(line === undefined ? wordsLength(chunk) : line.bytes.length)) {
        const last = cutAt(chunk, end.going(choices));
        end.learn(last);
        told.push(...this.#close(), lineOf(last));
        this.isFull = true;
        break;
      }
      end.learn(chunk);
      if (longer !== undefined) this.#open = longer;
      else if (line !== undefined) {
        told.push(...this.#close());
        if (isWhole) this.#open = chunk;
        else told.push(line);
      }
    }
    return pieceOf(told);
  }

  /** What was still to be told. */
  end(): Piece | undefined {
    return pieceOf(this.#close());
  }

  #close(): Piece[] {
    const last = this.#open;
    this.#open = undefined;
    return last === undefined ? [] : [lineOf(last)];
  }
}

function pieceOf(lines: readonly Piece[]): Piece | undefined {
  if (lines.length === 0) return undefined;
  return { bytes: concatBytes(...lines.map(({ bytes }) => bytes)), hasWords: lines.some((line) => line.hasWords) };
}

function lineOf(chunk: ModelChunk): Piece {
  return { bytes: bytesOf(chunk, '\n'), hasWords: hasWords(chunk) };
}

/** What a chunk that is joined adds to a line, and no more than it: a quote on each side is what it does not bring. */
function wordsLength({ choices }: ModelChunk): number {
  return bytesOf(choices[0]?.delta.content ?? '').length - 2;
}

function bytesOf(value: unknown, after = ''): Bytes {
  return utf8(`${JSON.stringify(value)}${after}`);
}

/** Whether it says something, and does not only tell of the answer. */
export function hasWords({ choices }: ModelChunk): boolean {
  return choices.some(({ delta }) => isSaid(delta));
}

function isSaid({ content, refusal, tool_calls: calls = [] }: ModelDelta): boolean {
  return Boolean(content) || Boolean(refusal) || calls.length > 0;
}

function cutAt({ id, object, created, model }: ModelChunk, going: readonly number[]): ModelChunk {
  return {
    id,
    object,
    created,
    model,
    choices: going.map((index) => ({ index, delta: {}, finish_reason: 'length' })),
  };
}
