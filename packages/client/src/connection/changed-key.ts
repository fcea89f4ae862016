import type { Trust } from '@bulla/crypto';
import { fingerprint } from '@bulla/crypto';
import { BullaError, bullaError } from './errors.js';

const KEYID = /;keyid="([^"#]{1,256})#([A-Za-z0-9_-]{43})"/;

/**
 * Whether an answer names a key of the responder that the directory does not list: it was given new keys, or somebody
 * stands in its place. Which of both, only people can find out, so both fingerprints are told (docs/problems.md). A key
 * that nobody lists cannot be tried here, so an answer says this only by a whole signature of the profile over this
 * request: one that names a key and carries none says nothing about keys.
 * @param urn who was asked. @param trust the newest there is. @param now seconds. @param refused why it was not taken.
 */
export function changedKey(
  response: Response,
  urn: string,
  trust: Trust,
  now: number,
  refused: unknown,
): BullaError | undefined {
  const [, holder, kid = ''] = KEYID.exec(response.headers.get('signature-input') ?? '') ?? [];
  if (holder !== urn || trust.entity(urn)?.kind !== 'responder' || trust.holder(kid) !== undefined) return undefined;
  // guard: changed-key-signed
  if (!(refused instanceof BullaError && refused.code === 'key_unknown')) {
    return bullaError('signature_invalid', {
      message: 'the answer names a key of the responder, and no signature by it is there',
      check: 'response-signature',
      origin: 'client',
    });
  }
  const listed = trust.activeKeys(urn, 'reply', now).map(({ record }) => fingerprint(record.kid));
  return bullaError('responder_key_changed', {
    message: `the responder answers with key ${fingerprint(kid)}, the directory lists ${listed.join(', ') || 'none'} for it`,
    check: 'response-key',
    details: { kind: 'key', fingerprint: fingerprint(kid) },
    origin: 'client',
  });
}
