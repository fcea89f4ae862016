import { messageText } from '@bulla/crypto';
import { BUILT_IN_CAN, streamInPieces } from './built-in-answer.js';
import { Model, type ModelChunk, type ModelRequest } from './model.js';

/** Answers the last message, unchanged. It shows that a run works from end to end; it is not a language model. */
export class EchoModel extends Model {
  override readonly name = 'builtin:echo';
  override readonly can = BUILT_IN_CAN;

  override stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<readonly ModelChunk[]> {
    return streamInPieces(this.name, () => lastText(request), request, signal);
  }
}

function lastText({ messages }: ModelRequest): string {
  const last = messages.at(-1);
  return last === undefined ? '' : messageText(last);
}
