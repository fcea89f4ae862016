import type { ModelChunk, ModelRequest, ModelUsage } from './model.js';
import { brokenAnswer } from './model-error.js';
import type { UpstreamChunk } from './upstream-chunk.js';
import { UpstreamChoice } from './upstream-choice.js';

/**
 * Turns the upstream's chunks into the port's: as many choices as were asked for, one finish reason for each, the usage
 * last, no more text than was asked for. What else a chunk says is passed on.
 */
export class UpstreamAnswer {
  readonly #choices: readonly UpstreamChoice[];
  readonly #piecesMax: number;
  #shape: Pick<ModelChunk, 'id' | 'object' | 'created'>;
  #hasBegun = false;
  #model: string;
  #usage: { readonly usage: ModelUsage; readonly more: object } | undefined;
  /** The upstream went on where the limit is: it is cut off, and what came before is an answer of that length. */
  reachedLimit = false;
  /** The upstream has said that this is all. */
  isEnded = false;

  constructor(model: string, request: ModelRequest, piecesMax: number) {
    this.#model = model;
    this.#choices = Array.from({ length: request.parameters?.n ?? 1 }, () => new UpstreamChoice());
    this.#piecesMax = Math.min(request.maxOutputTokens ?? piecesMax, piecesMax);
    this.#shape = { id: request.requestId, object: 'chat.completion.chunk', created: Math.floor(Date.now() / 1000) };
  }

  /**
   * What to pass on of this chunk, if anything.
   * @throws {ModelError} upstream_unavailable for a choice that was not asked for, for text after the end, for arguments
   *   of a tool that are no JSON at the end
   */
  take({ id, created, model, choices, usage, more }: UpstreamChunk): ModelChunk | undefined {
    this.#model = model ?? this.#model;
    // All chunks of an answer have these two in common; some servers date each.
    if (!this.#hasBegun) this.#shape = { ...this.#shape, ...(id && { id }), ...(created !== undefined && { created }) };
    this.#hasBegun = true;
    if (usage !== undefined) this.#usage = { usage, more };
    // guard: upstream-choice-once
    if (new Set(choices.map(({ index }) => index)).size < choices.length)
      throw brokenAnswer('an event has two pieces of one choice');
    const passed = choices.filter((choice) => {
      const own = this.#choices[choice.index];
      // guard: upstream-choice without: if (own === undefined) return true;
      if (own === undefined) throw brokenAnswer('it has a choice that was not asked for');
      return own.take(choice);
    });
    if (this.#choices.some((choice) => this.#isTooLong(choice))) return this.#cut(passed);
    const says =
      passed.length > 0 || (choices.length === 0 && usage === undefined && !this.#isOver && hasMembers(more));
    return says ? { ...this.#shape, model: this.#model, choices: passed, ...more } : undefined;
  }

  /**
   * What to pass on of events that came together, up to the end or the limit; what came before a fault among them is
   * passed on before it.
   * @param read what an event says, if anything
   * @throws {ModelError} as {@link take}; what `read` throws
   */
  *takeAll(
    events: readonly string[],
    read: (data: string) => UpstreamChunk | 'end' | undefined,
  ): Generator<readonly ModelChunk[]> {
    const chunks: ModelChunk[] = [];
    try {
      for (const data of events) {
        const said = read(data);
        if (said === 'end') this.isEnded = true;
        const chunk = said === 'end' || said === undefined ? undefined : this.take(said);
        if (chunk !== undefined) chunks.push(chunk);
        if (this.isEnded || this.reachedLimit) return;
      }
    } finally {
      if (chunks.length > 0) yield chunks;
    }
  }

  /** The chunk with the usage, if there was one. @throws {ModelError} upstream_unavailable when it is not complete. */
  *end(): Generator<readonly ModelChunk[]> {
    // guard: upstream-done
    if (!this.isEnded) throw brokenAnswer('it ends without [DONE]', 'cut');
    // guard: upstream-finish
    if (!this.#isOver) throw brokenAnswer('it gives no reason why it ended', 'cut');
    if (this.#usage === undefined) return;
    const { usage, more } = this.#usage;
    yield [{ ...this.#shape, model: this.#model, choices: [], usage, ...more }];
  }

  get #isOver(): boolean {
    return this.#choices.every(({ isOver }) => isOver);
  }

  #isTooLong({ pieces }: UpstreamChoice): boolean {
    return pieces > this.#piecesMax;
  }

  /** Every choice that goes on ends here: they share one connection. */
  #cut(passed: ModelChunk['choices']): ModelChunk {
    this.reachedLimit = true;
    const choices = this.#choices.flatMap((choice, index) => {
      if (!choice.isOver || this.#isTooLong(choice)) return { index, delta: {}, finish_reason: 'length' as const };
      return passed.filter((piece) => piece.index === index);
    });
    return { ...this.#shape, model: this.#model, choices };
  }
}

function hasMembers(object: object): boolean {
  return Object.keys(object).length > 0;
}
