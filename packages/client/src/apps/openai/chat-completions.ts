import type { CompletionChunk } from '@bulla/crypto';
import type { AnswerWriter } from '../app-answer.js';
import { respondStreamed, respondWhole } from '../app-answer.js';
import { readAppBody } from '../app-body.js';
import type { AppCall } from '../app-call.js';
import type { AppFault } from '../app-errors.js';
import { openaiError } from '../app-errors.js';
import { dataEvent, DONE_EVENT } from '../app-events.js';
import type { AppResponse } from '../app-request.js';
import { readChatRequest } from './chat-request.js';

/** `POST /chat/completions`. */
export function answerChatCompletions(call: AppCall): Promise<AppResponse> {
  const { question, stream, includeUsage } = readChatRequest(readAppBody(call.request), call.options);
  if (!stream) return respondWhole(call, question, ({ completion }) => completion);
  return respondStreamed(call, question, new ChunkWriter(includeUsage));
}

/** Chunks as the model server gave them, each an event. */
export class ChunkWriter implements AnswerWriter {
  readonly #includeUsage: boolean;

  /** @param includeUsage whether the app asked for usage: the responder always does, and some apps fall over it. */
  constructor(includeUsage: boolean) {
    this.#includeUsage = includeUsage;
  }

  chunk({ usage, ...chunk }: CompletionChunk): string {
    return this.event(chunk, usage);
  }

  /** A chunk with its usage, without it, or nothing where it holds nothing else. */
  protected event(
    chunk: { readonly choices: readonly unknown[]; readonly [more: string]: unknown },
    usage: CompletionChunk['usage'],
  ): string {
    if (this.#includeUsage) return dataEvent(usage === undefined ? chunk : { ...chunk, usage });
    return chunk.choices.length === 0 && usage ? '' : dataEvent(chunk);
  }

  end(): string {
    return DONE_EVENT;
  }

  failed(fault: AppFault): string {
    return dataEvent({ error: openaiError(fault) });
  }
}
