import { utf8 } from '@bulla/crypto';
import { signResponse } from '@bulla/crypto/http';
import type { Bytes } from '@bulla/crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../process/clock.js';
import { PROBLEM_MEDIA_TYPE } from '../edge/problem-filter.js';
import { findState } from '../edge/request-state.js';
import type { ServiceKeys } from './service-keys.js';

/**
 * The fields that sign the response to a verified request; none for strangers, for whom no private key works
 * (protocol.md §5), and none where the body is a signed or sealed token of its own.
 * @throws {CryptoError} whatever the signer says
 */
export async function responseSignature(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  { keys, clock }: { readonly keys: ServiceKeys; readonly clock: Clock },
): Promise<Record<string, string>> {
  const { verified, entry } = findState(request) ?? {};
  const contentType = reply.getHeader('content-type');
  const isDue = entry?.signedResponse === true || contentType === PROBLEM_MEDIA_TYPE;
  const body = verified !== undefined && isDue ? bytesOf(payload) : undefined;
  if (verified === undefined || body === undefined) return {};
  const response = {
    status: reply.statusCode,
    ...(typeof contentType === 'string' ? { contentType } : {}),
    ...(body.length > 0 ? { body } : {}),
    request: verified.summary,
  };
  const { trust } = verified;
  const now = clock.now();
  const signer = keys.signer('http', trust, now);
  return signResponse(response, { keyid: `${keys.urnIn(trust.org)}#${signer.kid}`, signer, now });
}

/** The bytes a payload is sent as, or undefined for a stream. */
function bytesOf(payload: unknown): Bytes | undefined {
  if (payload === undefined || payload === null) return new Uint8Array(0);
  if (typeof payload === 'string') return utf8(payload);
  return ArrayBuffer.isView(payload) ? new Uint8Array(payload as Uint8Array) : undefined;
}
