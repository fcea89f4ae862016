import type { CompletionChunk } from '@bulla/crypto';
import { chunkText } from '@bulla/crypto';
import { bullaError } from '../../connection/errors.js';
import { actsOrEnds } from '../../runs/runs.js';
import type { AnswerWriter, AnyAnswer } from '../app-answer.js';
import { respondStreamed, respondWhole } from '../app-answer.js';
import { readAppBody } from '../app-body.js';
import type { AppCall } from '../app-call.js';
import type { AppFault } from '../app-errors.js';
import type { AppResponse } from '../app-request.js';
import { newVendorId } from '../vendor-id.js';
import { eventText } from '../vendor-events.js';
import { anthropicError } from './anthropic-error.js';
import { MessageEvents } from './message-events.js';
import type { MessageFrame } from './message-object.js';
import { messageOf } from './message-object.js';
import { readMessages } from './messages-request.js';

/** `POST /messages`. */
export async function answerMessages(call: AppCall): Promise<AppResponse> {
  const { question, stream } = readMessages(readAppBody(call.request), call.options);
  const frame = { id: newVendorId('msg_'), model: question.model };
  const response = stream
    ? await respondStreamed(call, question, new MessageWriter(frame))
    : await respondWhole(call, question, ({ completion }) => messageOf(completion, frame));
  // What Anthropic's SDKs look for it by.
  return { ...response, headers: { ...response.headers, 'request-id': call.requestId } };
}

/** `POST /messages/count_tokens`: only the server of a model has its vocabulary. */
export async function refuseCountTokens(): Promise<AppResponse> {
  const message = 'no tokens are counted here: the usage of an answer says how many it took';
  throw bullaError('not_found', { message, origin: 'client' });
}

/** Writes the events of one message. */
class MessageWriter implements AnswerWriter {
  readonly #events: MessageEvents;
  #hasBegun = false;

  constructor(frame: MessageFrame) {
    this.#events = new MessageEvents(frame);
  }

  /** A beginning leaves at once: what ends or acts is held, and forgotten where it failed. */
  chunk(chunk: CompletionChunk): string {
    if (actsOrEnds(chunk) && chunkText(chunk) === '') return '';
    return this.#begun() + eventText(this.#events.chunk(chunk));
  }

  end({ completion }: AnyAnswer): string {
    return this.#begun() + eventText(this.#events.end(completion));
  }

  failed(fault: AppFault): string {
    return eventText([anthropicError(fault)]);
  }

  #begun(): string {
    if (this.#hasBegun) return '';
    this.#hasBegun = true;
    return eventText(this.#events.start());
  }
}
