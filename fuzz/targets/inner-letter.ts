import { equal } from 'node:assert/strict';
import type { VerifyingKey } from '@bulla/crypto';
import { LETTER, verifyInnerLetter } from '../../packages/crypto/dist/letters/letter.js';
import { readLater } from './kit/refusals.js';
import { jwsOf } from './kit/tokens.js';

const RECIPIENT = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
const SENDER: VerifyingKey = {
  kid: 'ZmQ0X5f0BfnnWKJhGMqtWb7JwRC7yWbQZ3rYxLqkGbc',
  use: 'sig',
  alg: 'ES256',
  jwk: {
    kty: 'EC',
    crv: 'P-256',
    x: 'KSe85FXOABbK6RuZt5dwxIZKV1rCd-5s0wMAtFu7BSs',
    y: 'a0Yacmgx2HKCmsrtu2xRqpA-1KLWXoWGvC0Z_tP5QgI',
  },
};

/** The signed letter inside a sealed one: header, content and signature, one on each line. Its sender did not sign it. */
export async function fuzz(input: Uint8Array): Promise<boolean> {
  const token = jwsOf(input);
  equal(await readLater(() => verifyInnerLetter(LETTER, token, SENDER, RECIPIENT)), undefined);
  return false;
}
