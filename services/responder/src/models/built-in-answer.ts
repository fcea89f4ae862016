import type { ModelCapability } from '@bulla/contract';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { messageText } from '@bulla/crypto';
import type { FinishReason, ModelChunk, ModelDelta, ModelRequest, ModelUsage } from './model.js';

/** They write text, and draw nothing: a temperature changes nothing. What needs more is for a language model. */
export const BUILT_IN_CAN: ReadonlySet<ModelCapability> = new Set<ModelCapability>(['chat', 'sampling']);

/** A run of at most 64 other characters with the one white space after it, or of at most 64 white space characters. */
const PIECE = /\S{1,64}\s?|\s{1,64}/gu;

/** What takes the process no longer than the rest of a turn. */
const PIECES_AT_ONCE = 32;

/** The pieces of a text, in order and without loss; a piece is what the built-in processors count as a token. */
export function piecesOf(text: string): string[] {
  return text.match(PIECE) ?? [];
}

/**
 * Streams a text that is already known, one piece per chunk, a few together, letting others run in between.
 * @throws the signal's reason
 */
export async function* streamInPieces(
  name: string,
  text: () => string,
  request: ModelRequest,
  signal: AbortSignal,
): AsyncGenerator<readonly ModelChunk[]> {
  signal.throwIfAborted();
  const all = piecesOf(text());
  const pieces = all.slice(0, request.maxOutputTokens);
  const shape = {
    id: request.requestId,
    object: 'chat.completion.chunk',
    created: Math.floor(Date.now() / 1000),
    model: name,
  } as const;
  const chunk = (delta: ModelDelta, finish_reason: FinishReason | null = null): ModelChunk => {
    return { ...shape, choices: [{ index: 0, delta, finish_reason }] };
  };
  yield [chunk({ role: 'assistant', content: '' })];
  for (let at = 0; at < pieces.length; at += PIECES_AT_ONCE) {
    await nextTurn();
    signal.throwIfAborted();
    yield pieces.slice(at, at + PIECES_AT_ONCE).map((content) => chunk({ content }));
  }
  const usage = countTokens(request, pieces.length);
  yield [chunk({}, pieces.length < all.length ? 'length' : 'stop'), { ...shape, choices: [], usage }];
}

function countTokens(request: ModelRequest, completionTokens: number): ModelUsage {
  const promptTokens = request.messages.reduce((sum, message) => sum + piecesOf(messageText(message)).length, 0);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}
