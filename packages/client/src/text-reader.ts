import { strictParseBody, utf8 } from '@bulla/crypto';

const LINE_MAX_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: unknown } }[];
}

/** Takes the words out of deltas as they arrive: NDJSON of `chat.completion.chunk`, whose lines may span deltas. */
export class TextReader {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #rest = '';

  /** The text that this delta completes. */
  read(delta: Uint8Array): string {
    // A code point that is cut in two waits in the decoder, a line that is cut in two waits here.
    this.#rest += this.#decoder.decode(delta, { stream: true });
    if (!delta.includes(NEWLINE)) return '';
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.filter((line) => line !== '').map(contentOf).join('');
  }
}

function contentOf(line: string): string {
  const chunk = strictParseBody(utf8(line), { maxBytes: LINE_MAX_BYTES }) as Chunk;
  const content = chunk.choices?.[0]?.delta?.content;
  return typeof content === 'string' ? content : '';
}
