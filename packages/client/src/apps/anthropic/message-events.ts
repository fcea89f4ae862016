import type { Completion, CompletionChunk } from '@bulla/crypto';
import { chunkText } from '@bulla/crypto';
import type { VendorEvent, VendorEvents } from '../vendor-events.js';
import type { AppFault } from '../app-errors.js';
import { anthropicError } from './anthropic-error.js';
import type { MessageBlock, MessageFrame } from './message-object.js';
import { messageOf, pendingMessage } from './message-object.js';

/**
 * The events of one message. Text is told as it comes. Every word that ends something, and all that is there to be
 * acted on, is told by `end` alone, which gets the verified answer.
 */
export class MessageEvents implements VendorEvents {
  readonly #frame: MessageFrame;
  #text = '';

  constructor(frame: MessageFrame) {
    this.#frame = frame;
  }

  /** That a message begins. */
  start(): VendorEvent[] {
    return [{ type: 'message_start', message: pendingMessage(this.#frame) }, { type: 'ping' }];
  }

  /** What a chunk adds to the text; of everything else nothing. */
  chunk(chunk: CompletionChunk): VendorEvent[] {
    // guard: messages-acts-held without:
    //   return this.#say(chunkText(chunk) || (chunk.choices[0]?.delta.tool_calls?.[0]?.function?.arguments ?? ''));
    return this.#say(chunkText(chunk));
  }

  /**
   * The verified end.
   * @param completion the whole answer, whose text the chunks before have told.
   * @throws {BullaError} upstream_unavailable where a tool was called with what is no JSON object; nothing is told then
   */
  end(completion: Completion): VendorEvent[] {
    const { content, stop_reason: reason, usage } = messageOf(completion, this.#frame);
    const delta = { stop_reason: reason, stop_sequence: null };
    return [
      ...content.flatMap((block, index) => this.#blockEvents(block, index)),
      { type: 'message_delta', delta, usage },
      { type: 'message_stop' },
    ];
  }

  /** An error: it needs no message that it ends. */
  fail(fault: AppFault): VendorEvent[] {
    return [anthropicError(fault)];
  }

  #say(text: string): VendorEvent[] {
    if (text === '') return [];
    const begun = this.#text !== '' ? [] : [blockStart(0, { type: 'text', text: '' })];
    this.#text += text;
    return [...begun, { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }];
  }

  #blockEvents(block: MessageBlock, index: number): VendorEvent[] {
    const stop = { type: 'content_block_stop', index };
    // A refusal is told at once, after the text.
    if (block.type === 'text') return [...this.#say(block.text.slice(this.#text.length)), stop];
    const delta = { type: 'input_json_delta', partial_json: JSON.stringify(block.input) };
    return [blockStart(index, { ...block, input: {} }), { type: 'content_block_delta', index, delta }, stop];
  }
}

function blockStart(index: number, block: object): VendorEvent {
  return { type: 'content_block_start', index, content_block: block };
}
