import { utf8 } from '@bulla/crypto';
import { signResponse } from '@bulla/crypto/http';
import type { Bytes, Trust } from '@bulla/crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../process/clock.js';
import { PROBLEM_MEDIA_TYPE } from '../edge/problem-filter.js';
import { findState } from '../edge/request-state.js';
import type { ServiceKeys } from './service-keys.js';

/** A response that is to be signed, and for whom. */
type ResponseToSign = Parameters<typeof signResponse>[0] & { readonly trust: Trust };

/**
 * The response to a verified request; undefined for strangers, for whom no private key works (protocol.md §5), and where the
 * body is a signed or sealed token of its own.
 */
export function responseToSign(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): ResponseToSign | undefined {
  const { verified, entry } = findState(request) ?? {};
  if (verified === undefined) return undefined;
  const contentType = reply.getHeader('content-type');
  if (entry?.signedResponse !== true && contentType !== PROBLEM_MEDIA_TYPE) return undefined;
  const body = bytesOf(payload);
  if (body === undefined) return undefined;
  return {
    status: reply.statusCode,
    ...(typeof contentType === 'string' ? { contentType } : {}),
    ...(body.length > 0 ? { body } : {}),
    request: verified.summary,
    trust: verified.trust,
  };
}

/** The fields that sign a response. @throws {CryptoError} whatever the signer says */
export async function responseSignature(
  { trust, ...response }: ResponseToSign,
  { keys, clock }: { readonly keys: ServiceKeys; readonly clock: Clock },
): Promise<Record<string, string>> {
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
