import type { Trust } from '@bulla/crypto';
import { fingerprint } from '@bulla/crypto';
import type { BullaError } from './errors.js';
import { bullaError } from './errors.js';

const KEYID = /;keyid="([^"#]{1,256})#([A-Za-z0-9_-]{43})"/;

/**
 * Whether an answer names a key of the responder that the directory does not list: it was given new keys, or somebody
 * stands in its place. Which of both, only people can find out, so both fingerprints are told (product.md, S7).
 * @param urn who was asked. @param trust the newest there is. @param now seconds.
 */
export function changedKey(response: Response, urn: string, trust: Trust, now: number): BullaError | undefined {
  const [, holder, kid = ''] = KEYID.exec(response.headers.get('signature-input') ?? '') ?? [];
  if (holder !== urn || trust.entity(urn)?.kind !== 'responder' || trust.holder(kid) !== undefined) return undefined;
  const listed = trust.activeKeys(urn, 'reply', now).map(({ record }) => fingerprint(record.kid));
  return bullaError('responder_key_changed', {
    message: `the responder answers with key ${fingerprint(kid)}, the directory lists ${listed.join(', ') || 'none'} for it`,
    check: 'response-key',
    origin: 'client',
  });
}
