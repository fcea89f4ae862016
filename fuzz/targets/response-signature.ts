import { equal } from 'node:assert/strict';
import type { KeyRecord } from '@bulla/crypto';
import { verifyResponse } from '@bulla/crypto/http';
import { messageOf } from './kit/messages.js';
import { readLater } from './kit/refusals.js';

const URN = 'urn:bulla:acme:svc:vault';
const request = {
  method: 'POST',
  authority: 'vault.acme.example',
  path: '/api/v1/envelopes',
  query: '?',
  signature: ':AAAA:',
} as const;
/** A key whose private half nobody has: its bytes are not those of a key. */
const record: KeyRecord = {
  kid: 'A'.repeat(43),
  use: 'sig',
  alg: 'Ed25519',
  suite: 'ed25519',
  pur: ['http'],
  jwk: { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
  nbf: 0,
  use_until: 4_000_000_000,
  end: 4_000_000_000,
};
const trust = { requireKey: () => ({ urn: URN, record }) };

/** A response: its status, fields, an empty line, the body. The service has not signed it, no matter what it says. */
export async function fuzz(input: Uint8Array): Promise<boolean> {
  const { first, header, body } = messageOf(input);
  const response = { status: Number(first), header, ...(body.length > 0 && { body }) };
  const verified = await readLater(() => verifyResponse(response, request, { trust, now: 1, expectedUrn: URN }));
  equal(verified, undefined);
  return false;
}
