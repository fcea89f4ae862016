import type { KeyPair, SealAlg, SealingKey, SignAlg, Signer, SuiteId, Unwrapper, VerifyingKey } from '@bulla/crypto';
import { loadSigner, sealingKeyOf, verifyingKeyOf } from '@bulla/crypto';
import { keyMaterialOf } from '@bulla/crypto/key-files';
import { loadUnwrapper } from '@bulla/crypto/open';
import { keyPairOf } from '../src/testing/members.js';

/** Somebody who writes and reads letters: a key that signs, and one that is sealed to. */
export interface Person {
  readonly pairs: { readonly sig: KeyPair; readonly enc: KeyPair };
  readonly signer: Signer;
  readonly unwrapper: Unwrapper;
  readonly verifying: VerifyingKey;
  readonly sealing: SealingKey;
}

/** The person of this name: the same keys every time. */
export async function person(name: string, suite: SuiteId): Promise<Person> {
  const pairs = {
    sig: await keyPairOf(`letter ${name}`, suite, 'sig'),
    enc: await keyPairOf(`letter ${name}`, suite, 'enc'),
  };
  const keys = [await keyMaterialOf(pairs.sig.publicJwk, 'sig'), await keyMaterialOf(pairs.enc.publicJwk, 'enc')];
  return {
    pairs,
    signer: await loadSigner(pairs.sig.privateJwk, pairs.sig.alg as SignAlg),
    unwrapper: await loadUnwrapper(pairs.enc.privateJwk, pairs.enc.alg as SealAlg),
    verifying: verifyingKeyOf(keys),
    sealing: sealingKeyOf(keys),
  };
}
