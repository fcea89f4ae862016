import { parseUrn } from '@bulla/crypto';
import { parseKeyid } from '@bulla/crypto/http';
import type { FastifyRequest } from 'fastify';
import type { TrustSource } from '../authentication/trust-source.js';
import { stateOf } from './request-state.js';

/** Who says that they sent it, in the header of a signature. */
const KEYID = /;keyid="(?<keyid>[^"]{1,256})"/;

/**
 * How long the body of a request may be. Where its route takes longer ones of chats, they are read for devices that the
 * policy lets chat, and whose request says how long it is. Whether it is of them, their signature says once all of it is
 * here: until then it counts in the budget of all bodies, as a whole.
 */
export function bodyBytesMaxOf(request: FastifyRequest, source: Pick<TrustSource, 'held'>): number {
  const { headers } = request;
  const { bodyBytesMax: usual, entry } = stateOf(request).found;
  const large = entry?.chatBodyBytesMax;
  if (large === undefined || !(Number(headers['content-length'] ?? 0) > usual)) return usual;
  // guard: large-body without: return large;
  return mayChat(headers['signature-input'], source) ? large : usual;
}

function mayChat(signatureInput: string | string[] | undefined, source: Pick<TrustSource, 'held'>): boolean {
  const { keyid = '' } = KEYID.exec(String(signatureInput))?.groups ?? {};
  try {
    const { urn } = parseKeyid(keyid);
    // Nothing is fetched for the word of a stranger.
    const trust = source.held().find(({ org }) => org === parseUrn(urn)?.org);
    return trust?.holderOfKeyid(keyid) !== undefined && trust.mayChat(urn);
  } catch {
    return false;
  }
}
