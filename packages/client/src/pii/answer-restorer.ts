import type { CompletionChunk, CompletionDelta, ToolCallDelta } from '@bulla/crypto';
import type { MaskedValues } from './placeholders.js';
import { TextRestorer } from './text-restorer.js';

/** What was masked in a question, for its answer. */
export interface Masked {
  readonly values: MaskedValues;
  /** Tools in whose arguments placeholders become what they stand for. */
  readonly tools: ReadonlySet<string>;
  /** Whether the answer was asked for as JSON. */
  readonly isJson: boolean;
}

type Choice = CompletionChunk['choices'][number];

/** Puts what was masked back into the chunks of one answer, wherever they cut a placeholder. */
export class AnswerRestorer {
  readonly #masked: Masked;
  readonly #choices = new Map<number, ChoiceRestorer>();
  #last: CompletionChunk | undefined;

  constructor(masked: Masked) {
    this.#masked = masked;
  }

  /** The chunk; before one that ends a choice, what was held back of that choice. */
  *read(chunk: CompletionChunk): Generator<CompletionChunk> {
    this.#last = chunk;
    const held: Choice[] = [];
    const choices = chunk.choices.map((choice) => {
      const restorer = this.#of(choice.index);
      const delta = restorer.read(choice.delta, choice.finish_reason !== null);
      if (choice.finish_reason !== null) held.push(...heldChoice(choice.index, restorer));
      return { ...choice, delta };
    });
    if (held.length > 0) yield withChoices(chunk, held);
    yield chunk.choices.length === 0 ? chunk : { ...chunk, choices };
  }

  /** What was held back of choices that nothing ended. */
  *end(): Generator<CompletionChunk> {
    const held = [...this.#choices].flatMap(([index, restorer]) => heldChoice(index, restorer));
    if (this.#last !== undefined && held.length > 0) yield withChoices(this.#last, held);
  }

  #of(index: number): ChoiceRestorer {
    const restorer = this.#choices.get(index) ?? new ChoiceRestorer(this.#masked);
    this.#choices.set(index, restorer);
    return restorer;
  }
}

/** All chunks of an answer that is there already. */
export function* restoredChunks(masked: Masked, chunks: Iterable<CompletionChunk>): Generator<CompletionChunk> {
  const restorer = new AnswerRestorer(masked);
  for (const chunk of chunks) yield* restorer.read(chunk);
  yield* restorer.end();
}

function withChoices({ usage: _usage, ...chunk }: CompletionChunk, choices: readonly Choice[]): CompletionChunk {
  return { ...chunk, choices };
}

function heldChoice(index: number, restorer: ChoiceRestorer): Choice[] {
  const delta = restorer.held();
  return delta === undefined ? [] : [{ index, delta, finish_reason: null }];
}

/** One choice: every text in its deltas, and the arguments of every call. */
class ChoiceRestorer {
  readonly #masked: Masked;
  readonly #texts = new Map<string, TextRestorer>();
  readonly #calls = new Map<number, { readonly restorer: TextRestorer; name: string }>();

  constructor(masked: Masked) {
    this.#masked = masked;
  }

  /** @param isLast whether no more of the choice comes: nothing that is in this delta is held back then. */
  read(delta: CompletionDelta, isLast: boolean): CompletionDelta {
    const read: Record<string, unknown> = { ...delta };
    for (const [name, said] of Object.entries(delta))
      if (typeof said === 'string' && said !== '' && name !== 'role')
        read[name] = written(this.#textOf(name, said), said, isLast);
    if (delta.tool_calls !== undefined)
      read['tool_calls'] = delta.tool_calls.map((call) => this.#readCall(call, isLast));
    return read;
  }

  /** What is held back, as a delta of its own. */
  held(): CompletionDelta | undefined {
    const texts = [...this.#texts].map(([name, restorer]) => [name, restorer.end()]).filter(([, said]) => said !== '');
    const calls = [...this.#calls]
      .map(([index, { restorer }]) => ({ index, function: { arguments: restorer.end() } }))
      .filter((call) => call.function.arguments !== '');
    if (texts.length === 0 && calls.length === 0) return undefined;
    return { ...Object.fromEntries(texts), ...(calls.length > 0 && { tool_calls: calls }) };
  }

  #textOf(name: string, said: string): TextRestorer {
    // A stored prompt may ask for JSON without its asker knowing.
    const isJson = this.#masked.isJson || said.trimStart().startsWith('{');
    const restorer = this.#texts.get(name) ?? new TextRestorer(this.#masked.values, isJson);
    this.#texts.set(name, restorer);
    return restorer;
  }

  #readCall(call: ToolCallDelta, isLast: boolean): ToolCallDelta {
    const state = this.#calls.get(call.index) ?? { restorer: new TextRestorer(this.#masked.values, true), name: '' };
    this.#calls.set(call.index, state);
    state.name = call.function?.name ?? state.name;
    const said = call.function?.arguments;
    // guard: pii-tool-listed without: if (said === undefined) return call;
    if (said === undefined || !this.#masked.tools.has(state.name)) return call;
    return { ...call, function: { ...call.function, arguments: written(state.restorer, said, isLast) } };
  }
}

function written(restorer: TextRestorer, said: string, isLast: boolean): string {
  return restorer.write(said) + (isLast ? restorer.end() : '');
}
