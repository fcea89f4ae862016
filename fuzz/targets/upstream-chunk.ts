import { deepEqual, equal } from 'node:assert/strict';
import { completionOf, parseChunk } from '@bulla/crypto';
import { UpstreamAnswer } from '../../services/responder/dist/models/upstream-answer.js';
import { parseUpstreamChunk } from '../../services/responder/dist/models/upstream-chunk.js';
import { textOf } from './kit/input.js';
import { read } from './kit/refusals.js';

const PIECES_MAX = 64;

/** The events of a model server, one on each line, of an answer with two choices: what is passed on, its asker reads. */
export function fuzz(input: Uint8Array): boolean {
  const answer = new UpstreamAnswer('m', { messages: [], parameters: { n: 2 }, requestId: 'inv_1' }, PIECES_MAX);
  const chunks = [];
  for (const event of textOf(input).split('\n')) {
    const parsed = read(() => parseUpstreamChunk(event), 'ModelError');
    const chunk = parsed && read(() => answer.take(parsed), 'ModelError');
    if (chunk === undefined) continue;
    const line = JSON.stringify(chunk);
    deepEqual(parseChunk(line), JSON.parse(line));
    chunks.push(parseChunk(line));
  }
  const { choices } = completionOf(chunks);
  for (const { index } of choices) equal(index < 2, true);
  return chunks.length > 0;
}
