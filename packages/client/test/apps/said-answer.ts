import type { CompletionChunk, CompletionDelta, CompletionUsage } from '@bulla/crypto';
import fc from 'fast-check';
import { faultOf } from '../../src/apps/app-errors.js';
import { bullaError } from '../../src/connection/errors.js';

/** What a model says, in the pieces in which it comes. */
export interface SaidAnswer {
  readonly text?: readonly string[];
  readonly refusal?: readonly string[];
  /** Id, name and the pieces of the arguments of each. */
  readonly calls?: readonly (readonly [id: string, name: string, pieces: readonly string[]])[];
  readonly finish?: string;
  readonly usage?: CompletionUsage;
}

/** The chunks of an answer, one for each piece. */
export function chunksOf({ text = [], refusal = [], calls = [], finish, usage }: SaidAnswer): CompletionChunk[] {
  return [
    ...text.map((content) => chunkOf({ content })),
    ...refusal.map((piece) => chunkOf({ refusal: piece })),
    ...calls.flatMap(([id, name, pieces], index) => [
      chunkOf({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] }),
      ...pieces.map((piece) => chunkOf({ tool_calls: [{ index, function: { arguments: piece } }] })),
    ]),
    ...(finish === undefined ? [] : [chunkOf({}, finish)]),
    ...(usage === undefined ? [] : [{ ...chunkOf({}), choices: [], usage }]),
  ];
}

function chunkOf(delta: CompletionDelta, finish: string | null = null): CompletionChunk {
  const choices = [{ index: 0, delta, finish_reason: finish }];
  return { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'm', choices };
}

/** The same answer in smaller pieces: each text is cut where the numbers say. */
export function splitChunks(chunks: readonly CompletionChunk[], cuts: Iterator<number>): CompletionChunk[] {
  return chunks.flatMap((chunk) => {
    const { content, tool_calls: calls } = chunk.choices[0]?.delta ?? {};
    const written = calls?.[0]?.function?.arguments;
    if (content) return piecesOf(content, cuts).map((piece) => chunkOf({ content: piece }));
    if (!calls?.[0] || !written || calls[0].id !== undefined) return [chunk];
    const { index } = calls[0];
    return piecesOf(written, cuts).map((piece) => chunkOf({ tool_calls: [{ index, function: { arguments: piece } }] }));
  });
}

function piecesOf(text: string, cuts: Iterator<number>): string[] {
  const pieces: string[] = [];
  for (let rest = text; rest !== ''; rest = rest.slice(pieces.at(-1)?.length))
    pieces.push(rest.slice(0, 1 + Number(cuts.next().value)));
  return pieces;
}

const name = fc.stringMatching(/^[a-z]{1,8}$/);

/** Any answer whose calls have JSON objects as arguments. */
export const saidAnswer: fc.Arbitrary<SaidAnswer> = fc.record({
  text: fc.array(fc.string({ minLength: 1 }), { maxLength: 4 }),
  refusal: fc.array(fc.string({ minLength: 1 }), { maxLength: 1 }),
  calls: fc.array(
    fc.tuple(
      fc.uuid(),
      name,
      fc.dictionary(name, fc.string()).map((value) => [JSON.stringify(value)]),
    ),
    { maxLength: 3 },
  ),
  finish: fc.constantFrom('stop', 'length', 'tool_calls'),
  usage: fc.record({ prompt_tokens: fc.nat(99), completion_tokens: fc.nat(99) }),
});

/** What an app is told of an answer without its signed end. */
export const CUT = faultOf(bullaError('stream_truncated', { message: 'it was cut', origin: 'client' }), 'req_1');
