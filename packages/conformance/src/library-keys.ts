import type { KeyPurpose, KeyRecord, PrivateJwk, PublicJwk, Unwrapper } from '@bulla/crypto';
import { keyMaterialOf, sealingKeyOf, verifyingKeyOf } from '@bulla/crypto';
import { loadUnwrapper } from '@bulla/crypto/open';

const ALWAYS = { nbf: 0, use_until: 253_402_300_799, end: 253_402_300_799 };

/** The opener that a private key is, by the algorithm of its suite. */
export async function unwrapperOf(jwk: PrivateJwk): Promise<Unwrapper> {
  return loadUnwrapper(jwk, sealingKeyOf([await keyMaterialOf(jwk, 'enc')]).alg);
}

/** A key as a directory would list it that is always good. */
export async function recordOf(jwk: PublicJwk, purpose: KeyPurpose): Promise<KeyRecord> {
  const use = purpose === 'unwrap' ? 'enc' : 'sig';
  const material = await keyMaterialOf(jwk, use);
  const { alg } = use === 'enc' ? sealingKeyOf([material]) : verifyingKeyOf([material]);
  return { kid: material.kid, use, alg, suite: material.suite, pur: [purpose], ...ALWAYS, jwk };
}
