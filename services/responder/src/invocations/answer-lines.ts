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
      lines.take(chunks);
      const piece = lines.told();
      if (piece !== undefined) yield piece;
      if (lines.isFull) return;
    }
  } catch (error) {
    fault = { error };
  }
  lines.close();
  const last = lines.told();
  if (last !== undefined) yield last;
  if (fault !== undefined) throw fault.error;
}

class AnswerLines {
  readonly #plan: LinesPlan;
  /** Of a whole answer: what the next chunk may be joined to. */
  #open: ModelChunk | undefined;
  #told: Piece[] = [];
  isFull = false;

  constructor(plan: LinesPlan) {
    this.#plan = plan;
  }

  /** @throws {Problem} as the meter, and then the chunks before are taken */
  take(chunks: readonly ModelChunk[]): void {
    for (const chunk of chunks) {
      if (this.isFull) return;
      this.#take(chunk);
    }
  }

  /** The lines that nobody has got yet. */
  told(): Piece | undefined {
    const told = this.#told;
    this.#told = [];
    return told.length === 0 ? undefined : pieceOf(told);
  }

  /** Nothing is joined to the last line any more. */
  close(): void {
    if (this.#open !== undefined) this.#told.push(lineOf(this.#open));
    this.#open = undefined;
  }

  #take(chunk: ModelChunk): void {
    const { end, meter, choices, isWhole } = this.#plan;
    const longer = this.#open === undefined ? undefined : joined(this.#open, chunk);
    if (longer !== undefined && meter.take(wordsLength(chunk))) {
      end.learn(chunk);
      this.#open = longer;
      return;
    }
    const line = lineOf(chunk);
    this.isFull = longer !== undefined || !meter.take(line.bytes.length);
    this.close();
    if (this.isFull) {
      const last = cutAt(chunk, end.going(choices));
      end.learn(last);
      this.#told.push(lineOf(last));
      return;
    }
    end.learn(chunk);
    if (isWhole) this.#open = chunk;
    else this.#told.push(line);
  }
}

function pieceOf(lines: readonly Piece[]): Piece {
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
