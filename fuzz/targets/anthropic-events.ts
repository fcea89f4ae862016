import { AnthropicEvents } from '../../services/responder/dist/models/anthropic/anthropic-events.js';
import { passOn } from './kit/answers.js';
import { textOf } from './kit/input.js';

/** The events of the Messages API, one on each line, as far as they stand in their order. */
export function fuzz(input: Uint8Array): boolean {
  const reader = new AnthropicEvents();
  return passOn(textOf(input).split('\n'), (event) => reader.read(event));
}
