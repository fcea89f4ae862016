import type { Completion, CompletionChunk } from '@bulla/crypto';
import { isAppObject } from '../app-body.js';
import type { AppFault } from '../app-errors.js';
import { openaiError } from '../app-errors.js';
import type { VendorEvent, VendorEvents } from '../vendor-events.js';
import type { ResponseFrame, ResponseItem, ResponsePart } from './response-object.js';
import { failedResponse, messageId, pendingResponse, responseOf } from './response-object.js';

/**
 * The events of one response. Text is told as it comes. Every word that ends something, and all that is there to be
 * acted on, is told by `end` alone, which gets the verified answer.
 */
export class ResponseEvents implements VendorEvents {
  readonly #frame: ResponseFrame;
  #hasText = false;
  #sequence = 0;

  constructor(frame: ResponseFrame) {
    this.#frame = frame;
  }

  /** That a response begins. */
  start(): VendorEvent[] {
    const response = pendingResponse(this.#frame);
    return [this.#event('response.created', { response }), this.#event('response.in_progress', { response })];
  }

  /** What a chunk adds to the text; of everything else nothing. */
  chunk({ choices }: CompletionChunk): VendorEvent[] {
    const first = choices.find(({ index }) => index === 0);
    // guard: responses-acts-held without:
    //   const delta = first?.delta.content ?? first?.delta.tool_calls?.[0]?.function?.arguments;
    const delta = first?.delta.content;
    if (!delta) return [];
    const logprobs = logprobsIn(first?.['logprobs']);
    const begun = this.#hasText ? [] : [this.#addMessage(), this.#addPart('output_text', 0)];
    this.#hasText = true;
    return [...begun, this.#event('response.output_text.delta', { ...this.#place(0), delta, logprobs })];
  }

  /** The verified end. @param completion the whole answer, whose text the chunks before have told. */
  end(completion: Completion): VendorEvent[] {
    const response = responseOf(completion, this.#frame);
    const events = response.output.flatMap((item, index) =>
      item.type === 'message' ? this.#endMessage(item) : this.#callEvents(item, index),
    );
    const type = response.status === 'completed' ? 'response.completed' : 'response.incomplete';
    return [...events, this.#event(type, { response })];
  }

  /** That there is no answer: what was told of it before is worth nothing. */
  fail({ retryAfter: _inHeader, ...problem }: AppFault, hasBegun: boolean): VendorEvent[] {
    const begun = hasBegun ? [] : this.start();
    const { code, detail: message } = problem;
    const error = openaiError(problem);
    const response = failedResponse(this.#frame, { code, message });
    return [
      ...begun,
      this.#event('response.failed', { response }),
      this.#event('error', { ...problem, ...error, error }),
    ];
  }

  #event(type: string, members: object): VendorEvent {
    return { ...members, type, sequence_number: this.#sequence++ };
  }

  #addMessage(): VendorEvent {
    const id = messageId(this.#frame);
    const item = { id, type: 'message', status: 'in_progress', role: 'assistant', content: [] };
    return this.#event('response.output_item.added', { output_index: 0, item });
  }

  #addPart(type: ResponsePart['type'], index: number): VendorEvent {
    const part = type === 'refusal' ? { type, refusal: '' } : { type, annotations: [], logprobs: [], text: '' };
    return this.#event('response.content_part.added', { ...this.#place(index), part });
  }

  /** The one message of a response is its first item. */
  #place(contentIndex: number): object {
    return { item_id: messageId(this.#frame), output_index: 0, content_index: contentIndex };
  }

  #endMessage(item: ResponseItem & { type: 'message' }): VendorEvent[] {
    return [
      ...(this.#hasText ? [] : [this.#addMessage()]),
      ...item.content.flatMap((part, index) => this.#endPart(part, index)),
      this.#event('response.output_item.done', { output_index: 0, item }),
    ];
  }

  /** Text was told before; a refusal is told at once. */
  #endPart(part: ResponsePart, index: number): VendorEvent[] {
    const place = this.#place(index);
    const done =
      part.type === 'refusal'
        ? [
            this.#addPart(part.type, index),
            this.#event('response.refusal.delta', { ...place, delta: part.refusal }),
            this.#event('response.refusal.done', { ...place, refusal: part.refusal }),
          ]
        : [this.#event('response.output_text.done', { ...place, text: part.text, logprobs: part.logprobs })];
    return [...done, this.#event('response.content_part.done', { ...place, part })];
  }

  #callEvents(item: ResponseItem & { type: 'function_call' }, index: number): VendorEvent[] {
    const { id, name, arguments: text } = item;
    const place = { item_id: id, output_index: index };
    const begun = { ...item, status: 'in_progress', arguments: '' };
    return [
      this.#event('response.output_item.added', { output_index: index, item: begun }),
      ...(text === '' ? [] : [this.#event('response.function_call_arguments.delta', { ...place, delta: text })]),
      this.#event('response.function_call_arguments.done', { ...place, name, arguments: text }),
      this.#event('response.output_item.done', { output_index: index, item }),
    ];
  }
}

function logprobsIn(logprobs: unknown): readonly unknown[] {
  const list = isAppObject(logprobs) ? logprobs['content'] : undefined;
  return Array.isArray(list) ? list : [];
}
