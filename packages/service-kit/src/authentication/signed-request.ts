import type { EnrolmentRouteName, SignedRouteName } from '@bulla/contract';
import { digestB64u, encodeBase64url } from '@bulla/crypto';
import type { RequestSignature } from '@bulla/crypto/http';
import { parseRequestSignature } from '@bulla/crypto/http';
import type { FastifyRequest } from 'fastify';
import type { Authorities } from '../edge/request-parts.js';
import { requestParts, targetOf } from '../edge/request-parts.js';
import { stateOf } from '../edge/request-state.js';
import type { RateLimits } from '../limits/rate-limits.js';
import type { Signatory } from './caller.js';

/**
 * The signature of a request, in its shape: nothing in it is true until it is verified.
 * @throws {Problem} validation_failed
 * @throws {CryptoError} unauthenticated, token_malformed
 */
export function signatureOf(request: FastifyRequest, authorities: Authorities): RequestSignature {
  const authority = authorities.choose(request.headers.host);
  return parseRequestSignature(requestParts(request, authority, stateOf(request).rawBody));
}

/** What the ledger writes down of a request whose signature was verified. */
export async function provenBy(
  signature: RequestSignature,
  request: FastifyRequest,
  route: SignedRouteName | EnrolmentRouteName,
): Promise<Pick<Signatory, 'request' | 'evidence' | 'decision'>> {
  return {
    decision: { isRecorded: false },
    request: Object.freeze({
      id: request.id,
      route,
      method: request.method,
      ...targetOf(request),
      idempotencyKey: signature.request.header('idempotency-key'),
      ifMatch: signature.request.header('if-match'),
      bodySha256: signature.contentDigest ?? (await digestB64u('')),
    }),
    evidence: Object.freeze({
      type: 'signature',
      nonce: signature.nonce,
      expires: signature.expires,
      sha256: await digestB64u(signature.evidence),
      base: signature.text,
      signature: encodeBase64url(signature.signature),
    }),
  };
}

/**
 * Takes the points of a request whose signature was verified.
 * @throws {Problem} rate_limited
 */
export async function requirePoints(limits: RateLimits, signatory: Signatory, request: FastifyRequest): Promise<void> {
  const state = stateOf(request);
  const limited = await limits.take(signatory, state.bodyBytes);
  if (limited === undefined) {
    // guard: place-verified
    state.place?.verify();
    return;
  }
  state.limited = limited;
  // Who floods is refused like a stranger: no private key signs the answer, no row is written for each.
  // guard: limit-flood
  if (limited.flooded) {
    delete state.verified;
    delete state.caller;
  }
  throw limited.problem;
}
