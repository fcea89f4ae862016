import { parseUpstreamChunk } from '../../services/responder/dist/models/upstream-chunk.js';
import { passOn } from './kit/answers.js';
import { textOf } from './kit/input.js';

/** The events of a model server, one on each line, of an answer with two choices. */
export function fuzz(input: Uint8Array): boolean {
  return passOn(textOf(input).split('\n'), parseUpstreamChunk);
}
