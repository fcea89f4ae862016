import { concatBytes, DELTA_MAX_BYTES } from '@bulla/crypto';
import type { Bytes } from '@bulla/crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a model said: the bytes of a delta, and whether words are in it or only what surrounds them. */
export interface Piece {
  readonly bytes: Bytes;
  readonly hasWords: boolean;
}

/**
 * How an answer is cut into frames, so that their sizes and times tell little about its words (docs/spec/frames.md).
 * `gather` sends the first words at once and then joins what comes within a time; `beat` sends one frame at every beat,
 * an empty one if there is nothing; `fill` makes frames as large as they may be, since nobody sees when one is made.
 */
export type Pace =
  | { readonly kind: 'fill' /** Largest delta. */; readonly bytes: number }
  | { readonly kind: 'gather' | 'beat'; readonly everyMs: number; readonly bytes: number };

type TimedPace = Extract<Pace, { kind: 'gather' | 'beat' }>;

/** Frame size of `strict`, less the type byte. */
const STRICT_BYTES = 255;
/** A source is not read further while so much waits for its beat. */
const WAITING_BYTES_MAX = 64 * 1024;

/** The pace of a reply. Only streams have times: that of a whole answer is the time of its run. */
export function paceOf({ privacy, stream }: { privacy: 'padded' | 'strict'; stream: boolean }): Pace {
  const bytes = privacy === 'padded' ? DELTA_MAX_BYTES : STRICT_BYTES;
  if (!stream) return { kind: 'fill', bytes };
  return privacy === 'padded' ? { kind: 'gather', everyMs: 40, bytes } : { kind: 'beat', everyMs: 100, bytes };
}

/**
 * The deltas of an answer: the same bytes in the same order, cut by its pace. What came before a fault of the source
 * is delivered before the fault. Deltas are views of what came: to cut a long piece copies nothing of it.
 */
export function pacedDeltas(source: AsyncIterable<Piece>, pace: Pace): AsyncGenerator<Bytes> {
  if (pace.kind === 'fill') return filled(source, pace.bytes);
  return pace.kind === 'beat' ? onTheBeat(source, pace) : gathered(source, pace);
}

async function* filled(source: AsyncIterable<Piece>, bytes: number): AsyncGenerator<Bytes> {
  let parts: Bytes[] = [];
  let length = 0;
  let fault: { readonly error: unknown } | undefined;
  try {
    for await (const { bytes: part } of source) {
      parts.push(part);
      length += part.length;
      if (length < bytes) continue;
      let waiting = joined(parts);
      for (; waiting.length >= bytes; waiting = waiting.subarray(bytes)) yield waiting.subarray(0, bytes);
      parts = [waiting];
      length = waiting.length;
    }
  } catch (error) {
    fault = { error };
  }
  if (length > 0) yield joined(parts);
  if (fault !== undefined) throw fault.error;
}

/** One piece is not copied. */
function joined(parts: readonly Bytes[]): Bytes {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : concatBytes(...parts);
}

async function* gathered(source: AsyncIterable<Piece>, { everyMs, bytes }: TimedPace): AsyncGenerator<Bytes> {
  const iterator = source[Symbol.asyncIterator]();
  let waiting: Bytes = new Uint8Array(0);
  let isHasty = true;
  let next = pull(iterator);
  try {
    for (;;) {
      let step: Step | typeof LATE = await next;
      // A timer that is cleared makes no error, as one that is aborted does.
      const { promise: late, resolve } = Promise.withResolvers<typeof LATE>();
      const timer = setTimeout(resolve, everyMs, LATE);
      while (step.kind === 'piece') {
        waiting = concatBytes(waiting, step.bytes);
        next = pull(iterator);
        if (isHasty || waiting.length >= bytes) {
          isHasty &&= !step.hasWords;
          break;
        }
        step = await Promise.race([next, late]);
      }
      clearTimeout(timer);
      for (; waiting.length > 0; waiting = waiting.subarray(bytes)) yield waiting.subarray(0, bytes);
      if (step.kind === 'fault') throw step.error;
      if (step.kind === 'end') return;
    }
  } finally {
    await iterator.return?.();
  }
}

async function* onTheBeat(source: AsyncIterable<Piece>, { everyMs, bytes }: TimedPace): AsyncGenerator<Bytes> {
  const reader = new WaitingReader(source[Symbol.asyncIterator]());
  try {
    while (!reader.isDrained) {
      reader.readOn();
      await sleep(everyMs);
      yield reader.take(bytes);
    }
    if (reader.end?.kind === 'fault') throw reader.end.error;
  } finally {
    await reader.close();
  }
}

/** Reads a source ahead, up to a limit, while its bytes wait for their beats. */
class WaitingReader {
  readonly #iterator: AsyncIterator<Piece>;
  #waiting: Bytes = new Uint8Array(0);
  #isReading = false;
  end: Exclude<Step, { kind: 'piece' }> | undefined;

  constructor(iterator: AsyncIterator<Piece>) {
    this.#iterator = iterator;
  }

  get isDrained(): boolean {
    return this.end !== undefined && this.#waiting.length === 0;
  }

  readOn(): void {
    if (!this.#isReading) void this.#read();
  }

  take(bytes: number): Bytes {
    const taken = this.#waiting.subarray(0, bytes);
    this.#waiting = this.#waiting.subarray(bytes);
    return taken;
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    while (this.end === undefined && this.#waiting.length < WAITING_BYTES_MAX) {
      const step = await pull(this.#iterator);
      if (step.kind === 'piece') this.#waiting = concatBytes(this.#waiting, step.bytes);
      else this.end = step;
    }
    this.#isReading = false;
  }
}

const LATE = { kind: 'late' } as const;
type Step =
  | ({ readonly kind: 'piece' } & Piece)
  | { readonly kind: 'end' }
  | { readonly kind: 'fault'; readonly error: unknown };

/** The next piece as a value that never rejects: it may be awaited late, or by nobody. */
async function pull(iterator: AsyncIterator<Piece>): Promise<Step> {
  try {
    const result = await iterator.next();
    return result.done === true ? { kind: 'end' } : { kind: 'piece', ...result.value };
  } catch (error) {
    return { kind: 'fault', error };
  }
}
