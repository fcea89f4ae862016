import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  type KeyObject,
  publicEncrypt,
  randomBytes,
  sign,
  verify,
  webcrypto,
} from 'node:crypto';
import { promisify } from 'node:util';
import { makePeople, type Person } from './keys.js';
import { spoilBytes, type Variant } from './variant.js';

interface Sealed {
  readonly encryptedKey: Uint8Array;
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
  readonly signature: Uint8Array;
}

const signAside = promisify(sign);
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } as const;
const OAEP = { name: 'RSA-OAEP', hash: 'SHA-256' } as const;

/**
 * The primitives and nothing else: no token, no header, no check. Private keys are used in the pool, the rest on the loop,
 * which costs least. What lies between this and OpenSSL is what calling it from JavaScript costs.
 */
export async function nodePrimitivesVariant(): Promise<Variant<Sealed>> {
  const { alice, bob, carol } = await makePeople();
  const [from, to, other] = [keysOf(alice), keysOf(bob), keysOf(carol)];
  const opening = to.opening.toCryptoKey(OAEP, false, ['decrypt']);
  return {
    seal: (payload) => seal(payload, from.signing, to.sealing),
    async open({ encryptedKey, iv, ciphertext, tag, signature }) {
      const cek = Buffer.from(await webcrypto.subtle.decrypt(OAEP.name, opening, Uint8Array.from(encryptedKey)));
      const decipher = createDecipheriv('aes-256-gcm', createSecretKey(cek), iv, { authTagLength: 16 });
      decipher.setAuthTag(tag);
      const payload = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
      if (!verify('sha256', payload, { key: from.verifying, ...PSS }, signature)) throw new Error('refused');
      return payload;
    },
    spoil: (sealed) => ({ ...sealed, ciphertext: spoilBytes(sealed.ciphertext) }),
    forge: (payload) => seal(payload, other.signing, to.sealing),
  };
}

async function seal(payload: Uint8Array, signing: KeyObject, sealing: KeyObject): Promise<Sealed> {
  const signature = await signAside('sha256', payload, { key: signing, ...PSS });
  const [cek, iv] = [randomBytes(32), randomBytes(12)];
  const cipher = createCipheriv('aes-256-gcm', createSecretKey(cek), iv);
  const ciphertext = Buffer.concat([cipher.update(payload), cipher.final()]);
  const encryptedKey = publicEncrypt({ key: sealing, oaepHash: 'sha256' }, cek);
  return { encryptedKey, iv, ciphertext, tag: cipher.getAuthTag(), signature };
}

function keysOf({ sig, enc }: Person) {
  return {
    signing: createPrivateKey({ key: { ...sig.privateJwk }, format: 'jwk' }),
    verifying: createPublicKey({ key: { ...sig.publicJwk }, format: 'jwk' }),
    opening: createPrivateKey({ key: { ...enc.privateJwk }, format: 'jwk' }),
    sealing: createPublicKey({ key: { ...enc.publicJwk }, format: 'jwk' }),
  };
}
