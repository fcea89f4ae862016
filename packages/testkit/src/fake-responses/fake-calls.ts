import type { FakeToolCallDelta } from '../fake-openai-script.js';

/** A call of a tool, put together. */
export interface FakeCall {
  readonly id: string | undefined;
  readonly type: 'function';
  readonly function: { readonly name: string | undefined; readonly arguments: string };
}

/** The calls whose pieces these are. */
export function wholeCalls(pieces: readonly FakeToolCallDelta[]): FakeCall[] {
  const calls = Map.groupBy(pieces, ({ index }) => index);
  return [...calls.values()].map((ofOne) => {
    const { id, name } = Object.assign({}, ...ofOne) as FakeToolCallDelta;
    const written = ofOne.map((one) => one.arguments ?? '').join('');
    return { id, type: 'function', function: { name, arguments: written } };
  });
}
