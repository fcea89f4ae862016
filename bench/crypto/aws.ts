import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { makePeople } from './keys.js';
import { loadPeer } from './peers.js';
import { spoilBytes, type Variant } from './variant.js';

type Keyring = object;
/** What is used of the AWS Encryption SDK. */
interface AwsCrypto {
  readonly RawRsaKeyringNode: new (input: {
    keyNamespace: string;
    keyName: string;
    oaepHash: 'sha256';
    rsaKey: { publicKey: KeyObject; privateKey: KeyObject };
  }) => Keyring;
  readonly CommitmentPolicy: { readonly REQUIRE_ENCRYPT_REQUIRE_DECRYPT: string };
  readonly AlgorithmSuiteIdentifier: {
    readonly ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY: number;
    readonly ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY_ECDSA_P384: number;
  };
  buildClient(policy: string): {
    encrypt(keyring: Keyring, plaintext: Uint8Array, options: { suiteId: number }): Promise<{ result: Uint8Array }>;
    decrypt(keyring: Keyring, message: Uint8Array): Promise<{ plaintext: Uint8Array }>;
  };
}

/**
 * A raw RSA keyring, key commitment on, nothing cached. A key that is made for the message, and named in it,
 * makes its signature. Everybody who can seal can sign, so it accepts the signature of anybody.
 */
export async function awsVariant(signed: boolean): Promise<Variant<Uint8Array>> {
  const aws = await loadPeer<AwsCrypto>('@aws-crypto/client-node');
  const { bob } = await makePeople();
  const keyring = new aws.RawRsaKeyringNode({
    keyNamespace: 'bench',
    keyName: 'bob',
    oaepHash: 'sha256',
    rsaKey: {
      publicKey: createPublicKey({ key: { ...bob.enc.publicJwk }, format: 'jwk' }),
      privateKey: createPrivateKey({ key: { ...bob.enc.privateJwk }, format: 'jwk' }),
    },
  });
  const client = aws.buildClient(aws.CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
  const suites = aws.AlgorithmSuiteIdentifier;
  const suiteId = signed
    ? suites.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY_ECDSA_P384
    : suites.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY;
  return {
    seal: async (payload) => (await client.encrypt(keyring, payload, { suiteId })).result,
    open: async (message) => (await client.decrypt(keyring, message)).plaintext,
    spoil: spoilBytes,
  };
}
