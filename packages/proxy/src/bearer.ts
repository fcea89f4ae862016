import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** What apps show to be let in. It cannot be printed: only its hash is kept here. */
export class Bearer {
  readonly #digest: Buffer;

  /** @param token at least 16 characters that a header can carry. */
  constructor(token: string) {
    this.#digest = digestOf(token);
  }

  /** A fresh one: 256 bits. */
  static newToken(): string {
    return `bulla-${randomBytes(32).toString('base64url')}`;
  }

  /** Whether a request shows it: as a bearer, or as `x-api-key`, where Anthropic's SDK puts keys. */
  opens({ authorization, 'x-api-key': apiKey }: IncomingHttpHeaders): boolean {
    const shown = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? (typeof apiKey === 'string' ? apiKey : '');
    // Of digests, which have one length, so that time tells nothing of the token.
    return timingSafeEqual(digestOf(shown), this.#digest);
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
