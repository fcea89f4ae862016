import type { Bytes } from '@bulla/crypto';
import { own } from './input.js';

/** An HTTP message as a server hands it on. */
export interface Message {
  readonly first: string;
  /** Lines of one name are joined (RFC 9110 §5.3). */
  readonly header: (name: string) => string | undefined;
  readonly body: Bytes;
}

/** The first line, fields, an empty line and the body. */
export function messageOf(input: Uint8Array): Message {
  const bytes = Buffer.from(input);
  const end = bytes.indexOf('\n\n');
  const head = bytes.subarray(0, end === -1 ? bytes.length : end).toString('latin1');
  const body = end === -1 ? new Uint8Array() : bytes.subarray(end + 2);
  const [first = '', ...lines] = head.split('\n');
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon === -1) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const earlier = fields.get(name);
    fields.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return { first, header: (name) => fields.get(name), body: own(body) };
}
