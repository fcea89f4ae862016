import type { CompletionChunk, CompletionUsage, ToolCallDelta } from './chunks.js';

/** What a model said, as a whole: OpenAI's `chat.completion`. Members that are not named here are carried. */
export interface Completion {
  readonly id: string;
  readonly object: 'chat.completion';
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
  readonly choices: readonly CompletionChoice[];
  readonly usage?: CompletionUsage;
  readonly [more: string]: unknown;
}

export interface CompletionChoice {
  readonly index: number;
  readonly message: {
    readonly role: 'assistant';
    /** Null where it said nothing in words. */
    readonly content: string | null;
    readonly refusal?: string | null;
    readonly tool_calls?: readonly CompletedCall[];
    readonly [more: string]: unknown;
  };
  readonly finish_reason: string | null;
  readonly [more: string]: unknown;
}

export interface CompletedCall {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string; readonly [more: string]: unknown };
  readonly [more: string]: unknown;
}

/** Members of an object that is put together; names that reach prototypes are refused where JSON is read. */
type Members = Record<string, unknown>;

/**
 * Puts an answer together from its chunks, as a model server would have given it at once. Text, arguments of calls and
 * lists of log probabilities are joined in their order; of everything else the last that was said counts.
 */
export function completionOf(chunks: Iterable<CompletionChunk>): Completion {
  const whole: Members = {};
  const choices = new Map<number, ChoiceParts>();
  for (const chunk of chunks) {
    const { choices: parts, ...members } = chunk;
    keep(whole, members);
    for (const part of parts) {
      const choice = choices.get(part.index) ?? new ChoiceParts();
      choices.set(part.index, choice);
      choice.add(part);
    }
  }
  const inOrder = [...choices].toSorted(([one], [other]) => one - other);
  return {
    ...whole,
    object: 'chat.completion',
    choices: inOrder.map(([index, choice]) => choice.whole(index)),
  } as unknown as Completion;
}

/** The parts of one choice. */
class ChoiceParts {
  readonly #members: Members = {};
  readonly #message: Members = {};
  readonly #calls = new Map<number, Members>();

  add({ index: _index, delta, ...members }: CompletionChunk['choices'][number]): void {
    const { logprobs, ...others } = members;
    keep(this.#members, others);
    if (logprobs !== undefined) this.#members['logprobs'] = joinedLists(this.#members['logprobs'], logprobs);
    const { tool_calls: calls, ...said } = delta;
    for (const [name, value] of Object.entries(said))
      this.#message[name] = name === 'role' ? value : joined(this.#message[name], value);
    for (const call of calls ?? []) this.#addCall(call);
  }

  whole(index: number): CompletionChoice {
    const { role = 'assistant', content = null, ...others } = this.#message;
    const calls = [...this.#calls].toSorted(([one], [other]) => one - other).map(([, call]) => call);
    const message = { role, content, ...others, ...(calls.length > 0 && { tool_calls: calls }) };
    return { index, message, finish_reason: null, ...this.#members } as unknown as CompletionChoice;
  }

  #addCall({ index, function: part = {}, ...members }: ToolCallDelta): void {
    const call = this.#calls.get(index) ?? { id: '', type: 'function', function: { name: '', arguments: '' } };
    this.#calls.set(index, call);
    keep(call, members);
    const { arguments: more, ...said } = part;
    const whole = call['function'] as Members;
    keep(whole, said);
    whole['arguments'] = joined(whole['arguments'], more);
  }
}

/** What is said last counts, but for nothing at all. */
function keep(whole: Members, members: Readonly<Members>): void {
  for (const [name, value] of Object.entries(members))
    if (value !== undefined && (value !== null || whole[name] === undefined)) whole[name] = value;
}

/** Words go on; lists go on; of everything else the later counts. */
function joined(before: unknown, next: unknown): unknown {
  if (next === undefined || next === null) return before ?? next;
  if (typeof before === 'string' && typeof next === 'string') return before + next;
  if (!Array.isArray(next)) return next;
  // The list is ours from its first piece on, so that a long one is not copied for every piece.
  if (!Array.isArray(before)) return [...next];
  for (const item of next) before.push(item);
  return before;
}

/** Log probabilities are lists by what they are of, `content` or `refusal`. */
function joinedLists(before: unknown, next: unknown): unknown {
  if (!isObject(next)) return before ?? next;
  const whole: Members = isObject(before) ? before : {};
  for (const [name, value] of Object.entries(next)) whole[name] = joined(whole[name], value);
  return whole;
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
