export interface Mutation {
  readonly name: string;
  readonly value: unknown;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A value of a kind that cannot stand where `value` stands. */
function otherKind(value: unknown): unknown {
  return typeof value === 'string' ? 7 : typeof value === 'object' && value !== null ? 'text' : {};
}

/**
 * Wrong neighbours of a good value, each with one fault: a member of another kind, a missing or an extra member, a
 * text or a list that is far too long, a number that is negative, broken or too large.
 * @param optional pointers of members that may be missing.
 */
export function* mutationsOf(value: unknown, optional: readonly string[], pointer = ''): Generator<Mutation> {
  const at = pointer === '' ? 'the whole' : pointer;
  yield { name: `another kind at ${at}`, value: otherKind(value) };
  if (value !== null) yield { name: `an array around ${at}`, value: [value] };
  if (typeof value === 'string') {
    yield { name: `an empty text at ${at}`, value: '' };
    yield { name: `a text that is too long at ${at}`, value: value.repeat(Math.ceil(lengthBeyond(at) / value.length)) };
    yield { name: `a line break at ${at}`, value: `${value}\n` };
  }
  if (typeof value === 'number') {
    for (const number of [-1, value + 0.5, 2 ** 31, Number.NaN, `${value}`])
      yield { name: `${number} at ${at}`, value: number };
  }
  if (Array.isArray(value)) {
    yield {
      name: `a list that is too long at ${at}`,
      value: Array.from({ length: 1_048_577 }, () => value[0] as unknown),
    };
    for (const inner of mutationsOf(value[0], optional, `${pointer}/0`))
      yield { name: inner.name, value: [inner.value] };
  }
  if (!isObject(value)) return;
  yield { name: `an extra member at ${at}`, value: { ...value, extra: 1 } };
  for (const [key, member] of Object.entries(value)) {
    const inside = `${pointer}/${key}`;
    if (!optional.includes(inside)) {
      yield { name: `no ${inside}`, value: Object.fromEntries(Object.entries(value).filter(([name]) => name !== key)) };
    }
    for (const inner of mutationsOf(member, optional, inside))
      yield { name: inner.name, value: { ...value, [key]: inner.value } };
  }
}

/** More characters than a text at this place may have: the question of a chat has twelve million, no other has six. */
function lengthBeyond(at: string): number {
  return at === '/inv' ? 13_000_000 : 6_000_000;
}
