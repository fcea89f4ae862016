import type { FinishReason, ModelChunk, ModelDelta } from './model.js';
import { brokenAnswer } from './model-error.js';

/** What the arguments of all calls of one choice may have together, in UTF-16 code units: they are kept until their end. */
const ARGUMENTS_CHARACTERS_MAX = 4_194_304;

/** One of the answers that were asked for at once, as far as it came. */
export class UpstreamChoice {
  /** Deltas that say something. */
  pieces = 0;
  readonly #arguments = new Map<number, string[]>();
  #argumentCharacters = 0;
  #finished: FinishReason | undefined;

  get isOver(): boolean {
    return this.#finished !== undefined;
  }

  /**
   * Whether to pass this piece on.
   * @throws {ModelError} upstream_unavailable for text after the end, and arguments that are no JSON at the end
   */
  take({ index: _index, delta, finish_reason: reason, ...more }: ModelChunk['choices'][number]): boolean {
    if (this.isOver) {
      // guard: upstream-after-end
      if (saysSomething(delta)) throw brokenAnswer('it goes on after its end');
      return false;
    }
    if (saysSomething(delta)) this.pieces += 1;
    this.#keepArguments(delta);
    if (reason !== null) {
      this.#finished = reason;
      // guard: upstream-arguments
      if (reason !== 'length') this.#checkArguments();
    }
    return reason !== null || [...Object.values(delta), ...Object.values(more)].some(isSaid);
  }

  #keepArguments({ tool_calls: calls = [] }: ModelDelta): void {
    for (const { index, function: part } of calls) {
      const text = part?.arguments ?? '';
      this.#argumentCharacters += text.length;
      // guard: upstream-arguments-size
      if (this.#argumentCharacters > ARGUMENTS_CHARACTERS_MAX)
        throw brokenAnswer('the arguments of its calls are too long');
      const pieces = this.#arguments.get(index);
      if (pieces === undefined) this.#arguments.set(index, [text]);
      else pieces.push(text);
    }
  }

  /** Some servers say nothing for a tool without parameters. */
  #checkArguments(): void {
    for (const pieces of this.#arguments.values()) {
      const text = pieces.join('');
      if (text !== '' && !isJson(text)) throw brokenAnswer('the arguments of a call are no JSON');
    }
  }
}

function saysSomething({ role: _role, ...said }: ModelDelta): boolean {
  return Object.values(said).some(isSaid);
}

function isSaid(value: unknown): boolean {
  return value !== '' && value !== null && value !== undefined;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
