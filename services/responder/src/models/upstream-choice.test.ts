import { expect, it } from '@jest/globals';
import type { ModelChunk } from './model.js';
import { UpstreamChoice } from './upstream-choice.js';

type Piece = ModelChunk['choices'][number];

const call = (text: string | undefined, index = 0): Piece => ({
  index: 0,
  delta: { tool_calls: [{ index, function: text === undefined ? {} : { arguments: text } }] },
  finish_reason: null,
});
const end = (reason: 'stop' | 'tool_calls' | 'length'): Piece => ({ index: 0, delta: {}, finish_reason: reason });

function taken(...pieces: readonly Piece[]): boolean[] {
  const choice = new UpstreamChoice();
  return pieces.map((piece) => choice.take(piece));
}

it.each<[string, Piece[]]>([
  ['whole in pieces of two calls', [call('{"a"', 0), call('[', 1), call(':1}', 0), call(']', 1), end('tool_calls')]],
  ['absent, for a tool without parameters', [call(undefined), call(''), end('tool_calls')]],
  ['cut where the answer is', [call('{"a"'), end('length')]],
])('takes arguments that are %s', (_name, pieces) => {
  expect(taken(...pieces)).toEqual(pieces.map(() => true));
});

it.each<[string, Piece[]]>([
  ['no JSON', [call('{'), end('tool_calls')]],
  ['no JSON although another call has some', [call('{}'), call('{', 1), end('stop')]],
  ['without end [guard: upstream-arguments-size]', Array.from({ length: 5 }, () => call('x'.repeat(1_000_000)))],
])('refuses arguments that are %s', (_name, pieces) => {
  expect(() => taken(...pieces)).toThrow(expect.objectContaining({ code: 'upstream_unavailable' }));
});

it('leaves out what says nothing, and what says nothing after the end', () => {
  const nothing: Piece = { index: 0, delta: { content: '', refusal: null }, finish_reason: null };
  const further: Piece = { ...nothing, logprobs: { content: [] } };
  expect(taken(nothing, further, end('stop'), nothing, end('stop'))).toEqual([false, true, true, false, false]);
});
