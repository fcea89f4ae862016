import type { PublicJwk } from '@bulla/crypto';
import type { RequestTarget } from '@bulla/crypto/http';
import { CryptoError, utf8 } from '@bulla/crypto';
import { checkSignatureTimes, parseRequestSignature, verifyRequestSignature, verifyResponse } from '@bulla/crypto/http';
import type { Format } from './format.js';
import { recordOf } from './library-keys.js';

interface Message {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Text, in UTF-8. */
  readonly body?: string;
}
const partsOf = <T extends Message>({ headers, body, ...rest }: T) => ({
  ...rest,
  header: (name: string) => headers[name],
  ...(body !== undefined && { body: utf8(body) }),
});

/** docs/spec/http-signature.md, requests. */
export const httpRequests = {
  async verify({ request, key, now }: { request: RequestTarget & Message; key: PublicJwk; now: number }) {
    const parsed = parseRequestSignature(partsOf(request));
    await verifyRequestSignature(parsed, await recordOf(key, 'http'));
    checkSignatureTimes(parsed, now);
    const { keyid, tag, nonce } = parsed;
    return { keyid, tag, nonce };
  },
} satisfies Format;

interface ResponseInput {
  readonly response: { readonly status: number } & Message;
  /** The request that it answers, and its signature as a byte sequence. */
  readonly request: RequestTarget & { readonly signature: string };
  /** The service that was asked, and its key. */
  readonly urn: string;
  readonly key: PublicJwk;
  readonly now: number;
}

/** docs/spec/http-signature.md, responses. */
export const httpResponses = {
  async verify({ response, request, urn, key, now }: ResponseInput) {
    const record = await recordOf(key, 'http');
    const requireKey = (kid: string, { check }: { check: string }) => {
      if (kid !== record.kid) throw new CryptoError('key_unknown', 'the directory lists no such key', { check });
      return { urn, record };
    };
    const { keyid, created } = await verifyResponse(partsOf(response), request, {
      trust: { requireKey },
      now,
      expectedUrn: urn,
    });
    return { keyid, created };
  },
} satisfies Format;
