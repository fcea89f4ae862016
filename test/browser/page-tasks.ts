import type { PrivateJwk, PublicJwk, SignAlg } from '@bulla/crypto';
import {
  concatBytes,
  CryptoError,
  decodeBase64url,
  decodeUtf8,
  loadSigner,
  sealStream,
  Secret,
  utf8,
} from '@bulla/crypto';
import { requestSummary, requestTargetOf, signRequest } from '@bulla/crypto/http';
import { openStream } from '@bulla/crypto/open';
import { libraryPeer } from '@bulla/conformance/library';

interface StreamTask {
  readonly how: 'seal' | 'open';
  /** Paths of the page's server: where the stream comes from, and where what came of it goes. */
  readonly from: string;
  readonly to: string;
  readonly key: string;
  readonly context: string;
}

/** How many pieces came out, or why none is to be believed. */
export type StreamOutcome = { readonly pieces: number } | { readonly refused: string; readonly check?: string };

interface CallTask {
  readonly keyid: string;
  readonly jwk: PrivateJwk;
  readonly alg: SignAlg;
  readonly path: string;
  readonly body: string;
  /** Who answers, and its key. */
  readonly urn: string;
  readonly key: PublicJwk;
}

/** What only a page does: web streams of its own fetch, and signed requests over its own connection. */
export const pageTasks = {
  async stream({ how, from, to, key, context }: StreamTask): Promise<StreamOutcome> {
    const options = { key: new Secret(decodeBase64url(key)), context: utf8(context) };
    const { body } = await fetch(from);
    if (body === null) throw new Error(`nothing at ${from}`);
    const pieces: Uint8Array[] = [];
    try {
      const transform = how === 'seal' ? sealStream(options) : openStream(options);
      const reader = body.pipeThrough(transform).getReader();
      for (let next = await reader.read(); !next.done; next = await reader.read()) pieces.push(next.value);
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      return { refused: error.code, ...(error.check !== undefined && { check: error.check }) };
    }
    await fetch(to, { method: 'PUT', body: concatBytes(...pieces) });
    return { pieces: pieces.length };
  },
  /** A signed POST, and what its response says once its signature is verified. */
  async call({ keyid, jwk, alg, path, body, urn, key }: CallTask) {
    const now = Math.floor(Date.now() / 1000);
    const sent = { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() };
    const header = (name: string) => Object.entries(sent).find(([of]) => of === name)?.[1];
    const target = requestTargetOf('POST', new URL(path, location.href));
    const signer = await loadSigner(jwk, alg);
    const fields = await signRequest({ ...target, header, body: utf8(body) }, { keyid, signer, now });
    const response = await fetch(path, { method: 'POST', headers: { ...sent, ...fields }, body });
    const answered = decodeUtf8(new Uint8Array(await response.arrayBuffer()));
    const input = {
      response: { status: response.status, headers: Object.fromEntries(response.headers), body: answered },
      request: requestSummary(target, fields['signature']),
      urn,
      key,
      now,
    };
    return { body: answered, verdict: await libraryPeer.ask('verify', 'http-response', input) };
  },
};

export type PageTasks = typeof pageTasks;
