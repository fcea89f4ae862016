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
import { ResponseEvents } from './response-events.js';
import type { ResponseFrame } from './response-object.js';
import { responseOf } from './response-object.js';
import { readResponses } from './responses-request.js';

/** `POST /responses`. */
export function answerResponses(call: AppCall): Promise<AppResponse> {
  const { question, stream, asked } = readResponses(readAppBody(call.request), call.options);
  const createdAt = Math.floor(Date.now() / 1_000);
  const frame = { id: newVendorId('resp_'), createdAt, model: question.model ?? '', asked };
  if (stream) return respondStreamed(call, question, new ResponseWriter(frame));
  return respondWhole(call, question, ({ completion }) => responseOf(completion, frame));
}

/** What only a server of the vendor can do, beside what is about a response that it keeps. */
const ELSEWHERE = new Map([
  ['/responses/input_tokens', 'no tokens are counted here: the usage of a response says how many it took'],
  ['/responses/compact', 'no conversation is made shorter here: ask a model to sum it up'],
]);

/** `GET /responses/{id}`, and all else about a response that a server would have kept. */
export async function refuseKeptResponse({ request: { path } }: AppCall): Promise<AppResponse> {
  const message = ELSEWHERE.get(path) ?? 'no response is kept at a server here: keep what POST /responses answers';
  throw bullaError('not_found', { message, origin: 'client' });
}

/** Writes the events of one response. */
class ResponseWriter implements AnswerWriter {
  readonly #events: ResponseEvents;
  #hasBegun = false;

  constructor(frame: ResponseFrame) {
    this.#events = new ResponseEvents(frame);
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
    return this.#begun() + eventText(this.#events.fail(fault));
  }

  #begun(): string {
    if (this.#hasBegun) return '';
    this.#hasBegun = true;
    return eventText(this.#events.start());
  }
}
