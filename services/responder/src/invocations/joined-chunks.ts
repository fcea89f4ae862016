import type { ModelChunk } from '../models/model.js';

/**
 * One chunk that says what two say, one after the other; undefined where the second does more than add words to the one
 * choice of the first.
 */
export function joined(chunk: ModelChunk, next: ModelChunk): ModelChunk | undefined {
  const { choices, ...rest } = chunk;
  const { choices: nextChoices, ...nextRest } = next;
  const [choice] = choices;
  const [added] = nextChoices;
  if (choice === undefined || added === undefined || choices.length > 1 || nextChoices.length > 1) return undefined;
  const { delta, ...state } = choice;
  const { delta: words, ...nextState } = added;
  const { content, ...others } = words;
  if (typeof delta.content !== 'string' || typeof content !== 'string') return undefined;
  const addsOnlyWords =
    choice.finish_reason === null && // guard: join-before-end
    isEmpty(others) && // guard: join-only-words
    isSame(state, nextState) && // guard: join-same-choice
    isSame(rest, nextRest); // guard: join-same-chunk
  if (!addsOnlyWords) return undefined;
  return { ...chunk, choices: [{ ...choice, delta: { ...delta, content: delta.content + content } }] };
}

function isEmpty(object: object): boolean {
  return Object.keys(object).length === 0;
}

/** Whether two objects have the same members, of which none is an object. */
function isSame(one: object, other: object): boolean {
  const [members, others] = [Object.entries(one), new Map(Object.entries(other))];
  return members.length === others.size && members.every(([name, value]) => others.get(name) === value);
}
