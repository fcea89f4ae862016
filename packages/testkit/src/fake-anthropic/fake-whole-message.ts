import type { FakeMessageReply } from './fake-anthropic-script.js';
import { eventsOfReply } from './fake-anthropic-script.js';

/** What of the events of a message is put together. */
interface Event {
  readonly type: string;
  readonly message?: object;
  readonly content_block?: object;
  readonly delta?: {
    readonly text?: string;
    readonly thinking?: string;
    readonly partial_json?: string;
    readonly stop_reason?: string;
  };
  readonly usage?: object;
}

/** A block, and the pieces that were joined for it. */
interface Block {
  readonly start: object;
  readonly text: string;
  readonly json: string;
}

/** The same message as its events make, as one document. */
export function wholeMessage(reply: FakeMessageReply, asked: string): object {
  let message: object = {};
  const blocks: Block[] = [];
  for (const event of eventsOfReply(reply, asked) as Event[]) {
    const { text, thinking, partial_json: json = '', stop_reason } = event.delta ?? {};
    if (event.message !== undefined) message = event.message;
    if (event.content_block !== undefined) blocks.push({ start: event.content_block, text: '', json: '' });
    const block = blocks.pop();
    if (block !== undefined)
      blocks.push({ ...block, text: block.text + (text ?? thinking ?? ''), json: block.json + json });
    if (stop_reason !== undefined) message = { ...message, stop_reason, stop_sequence: null, usage: event.usage };
  }
  return { ...message, content: blocks.map(wholeBlock) };
}

function wholeBlock({ start, text, json }: Block): object {
  const { type } = start as { type?: string };
  if (type === 'tool_use') return { ...start, input: JSON.parse(json || '{}') as unknown };
  return type === 'thinking' ? { ...start, thinking: text, signature: 'c2ln' } : { ...start, text };
}
