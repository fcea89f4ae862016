import { webcrypto } from 'node:crypto';
import { loadPeer } from './peers.js';
import { spoilBytes, type Variant } from './variant.js';

/** What is used of hpke. */
interface Hpke {
  readonly CipherSuite: new (
    kem: unknown,
    kdf: unknown,
    aead: unknown,
  ) => {
    GenerateKeyPair(extractable: boolean): Promise<{ publicKey: webcrypto.CryptoKey; privateKey: webcrypto.CryptoKey }>;
    Seal(
      key: webcrypto.CryptoKey,
      plaintext: Uint8Array,
    ): Promise<{ encapsulatedSecret: Uint8Array; ciphertext: Uint8Array }>;
    Open(key: webcrypto.CryptoKey, encapsulatedSecret: Uint8Array, ciphertext: Uint8Array): Promise<Uint8Array>;
  };
  readonly KEM_DHKEM_X25519_HKDF_SHA256: unknown;
  readonly KDF_HKDF_SHA256: unknown;
  readonly AEAD_AES_256_GCM: unknown;
}
interface Sealed {
  readonly encapsulatedSecret: Uint8Array;
  readonly ciphertext: Uint8Array;
}

const { subtle } = webcrypto;
const SIGNATURE_BYTES = 64;

/** The payload with an Ed25519 signature behind it (WebCrypto), sealed to an X25519 key. */
export async function hpkeVariant(): Promise<Variant<Sealed>> {
  const hpke = await loadPeer<Hpke>('hpke');
  const suite = new hpke.CipherSuite(hpke.KEM_DHKEM_X25519_HKDF_SHA256, hpke.KDF_HKDF_SHA256, hpke.AEAD_AES_256_GCM);
  const to = await suite.GenerateKeyPair(false);
  const signingPair = async () =>
    (await subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const [from, other] = [await signingPair(), await signingPair()];
  const seal = async (payload: Uint8Array<ArrayBuffer>, { privateKey }: webcrypto.CryptoKeyPair) => {
    const signature = new Uint8Array(await subtle.sign('Ed25519', privateKey, payload));
    return suite.Seal(to.publicKey, Buffer.concat([payload, signature]));
  };
  return {
    seal: (payload) => seal(payload, from),
    async open({ encapsulatedSecret, ciphertext }) {
      const opened = Uint8Array.from(await suite.Open(to.privateKey, encapsulatedSecret, ciphertext));
      const payload = opened.subarray(0, -SIGNATURE_BYTES);
      const signature = opened.subarray(-SIGNATURE_BYTES);
      if (!(await subtle.verify('Ed25519', from.publicKey, signature, payload))) throw new Error('refused');
      return payload;
    },
    spoil: ({ encapsulatedSecret, ciphertext }) => ({ encapsulatedSecret, ciphertext: spoilBytes(ciphertext) }),
    forge: (payload) => seal(payload, other),
  };
}
