import type { KeyFile, KeyPurpose, Signer, Trust, Unwrapper } from '@bulla/crypto';
import { CryptoError, isSealAlg, loadSigner, privateJwkOf } from '@bulla/crypto';
import { loadUnwrapper } from '@bulla/crypto/open';

/** Who uses the SDK: one device of an organisation, with its private keys as non-extractable CryptoKeys. */
export interface Identity {
  readonly org: string;
  readonly urn: string;
  /** Signs requests, questions, statements and tags. */
  readonly signer: Signer;
  /** Older signing keys, newest first: a vault that has not seen the newest yet still knows one of them. */
  readonly olderSigners: readonly Signer[];
  /** Opens what is sealed to this device, by kid: the newest and older ones. */
  readonly unwrappers: ReadonlyMap<string, Unwrapper>;
}

/**
 * The key that signs a request: the newest of those that the directory lets sign requests. One that it does not list yet
 * lies ready; where it lists none of them, the service that is asked says so.
 * @param now seconds
 */
export function requestSigner({ urn, signer, olderSigners }: Identity, trust: Trust, now: number): Signer {
  if (olderSigners.length === 0) return signer;
  const active = new Set(trust.activeKeys(urn, 'http', now).map(({ record }) => record.kid));
  return [signer, ...olderSigners].find(({ kid }) => active.has(kid)) ?? signer;
}

const DEVICE_PURPOSES: readonly KeyPurpose[] = ['http', 'invoke', 'content', 'tag'];

/**
 * The identity in a key file, whose first key of a kind is the newest.
 * @throws {CryptoError} key_invalid if the file lacks the signing key of a device
 */
export async function identityOf(file: KeyFile): Promise<Identity> {
  const signers: Signer[] = [];
  const unwrappers = new Map<string, Unwrapper>();
  for (const key of file.keys) {
    const { kid, alg, pur } = key;
    const jwk = privateJwkOf(key);
    if (isSealAlg(alg)) unwrappers.set(kid, await loadUnwrapper(jwk, alg));
    else if (DEVICE_PURPOSES.every((purpose) => pur.includes(purpose))) signers.push(await loadSigner(jwk, alg));
  }
  const [signer, ...olderSigners] = signers;
  if (signer === undefined) throw new CryptoError('key_invalid', 'the identity has no signing key of a device');
  return { org: file.org, urn: file.urn, signer, olderSigners, unwrappers };
}
