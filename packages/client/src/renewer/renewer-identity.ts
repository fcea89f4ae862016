import type { KeyFile, Signer } from '@bulla/crypto';
import { CryptoError, isSealAlg, loadSigner, privateJwkOf } from '@bulla/crypto';
import type { Identity } from '../connection/identity.js';

/** Who says what is the newest: it signs its requests with one key and its words with another, and opens nothing. */
export interface RenewerIdentity extends Identity {
  /** Keys for freshness, the newest first. */
  readonly freshSigners: readonly Signer[];
}

/**
 * The identity of a renewer in a key file, whose first key for a purpose is the newest.
 * @throws {CryptoError} key_invalid if the file lacks one of its two keys
 */
export async function renewerIdentityOf(file: KeyFile): Promise<RenewerIdentity> {
  const signersFor = async (purpose: 'http' | 'fresh'): Promise<Signer[]> => {
    const signers: Signer[] = [];
    for (const key of file.keys) {
      const { alg, pur } = key;
      if (!isSealAlg(alg) && pur.length === 1 && pur[0] === purpose)
        signers.push(await loadSigner(privateJwkOf(key), alg));
    }
    return signers;
  };
  const [signer, ...olderSigners] = await signersFor('http');
  const freshSigners = await signersFor('fresh');
  if (signer === undefined || freshSigners.length === 0)
    throw new CryptoError(
      'key_invalid',
      'the key file is not that of a renewer: it has one key for requests and one for freshness',
    );
  return { org: file.org, urn: file.urn, signer, olderSigners, unwrappers: new Map(), freshSigners };
}
