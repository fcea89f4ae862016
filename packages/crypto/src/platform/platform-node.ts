import {
  constants,
  createCipheriv,
  createHash,
  createPrivateKey,
  createSecretKey,
  hash,
  hkdfSync,
  KeyObject,
  publicEncrypt,
  randomFillSync,
  sign,
  verify,
} from 'node:crypto';
import type { JsonWebKey, SigningOptions } from 'node:crypto';
import type { Bytes, Platform, Sha256Stream, SigningMethod } from './platform.js';
import * as web from './web-signing.js';

const IV_BYTES = 12;
const TAG_BYTES = 16;
const SHA256_BYTES = 32;

interface NativeSigning {
  readonly keyType: 'rsa' | 'ec' | 'ed25519';
  /** Null where the algorithm hashes by itself. */
  readonly digest: 'sha256' | null;
  /** A signature that takes longer than handing it to another thread. */
  readonly offLoop: boolean;
}

/** How `node:crypto` signs what WebCrypto calls by these names; what is not here goes through WebCrypto. */
const NATIVE_SIGNING: ReadonlyMap<string, NativeSigning> = new Map([
  ['RSA-PSS', { keyType: 'rsa', digest: 'sha256', offLoop: true }],
  ['ECDSA', { keyType: 'ec', digest: 'sha256', offLoop: false }],
  ['Ed25519', { keyType: 'ed25519', digest: null, offLoop: false }],
]);

/** What a key of these names is used with. */
const OPTIONS: Readonly<Record<string, SigningOptions & { readonly oaepHash?: string }>> = {
  'RSA-PSS': { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  'RSA-OAEP': { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
  ECDSA: { dsaEncoding: 'ieee-p1363' },
};

/** Public keys that are used again and again, parsed once. */
const keyObjects = new WeakMap<CryptoKey, KeyObject>();

/** `node:crypto` and Buffer: RSA with a private key in the thread pool, all else where it stands. */
export const platform: Platform = {
  encodeBase64url,

  decodeBase64url(text) {
    // Not Buffer.from, which may keep a copy in memory that others share.
    const bytes = new Uint8Array((text.length * 3) >> 2);
    Buffer.from(bytes.buffer).write(text, 'base64url');
    // Buffer skips what it does not know and takes several spellings of one value; it writes only the canonical one.
    // guard: token-canonical without: return bytes;
    return encodeBase64url(bytes) === text ? bytes : undefined;
  },

  encodeBase64,

  decodeBase64(text) {
    const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
    const bytes = new Uint8Array(Math.max(0, ((text.length * 3) >> 2) - padding));
    Buffer.from(bytes.buffer).write(text, 'base64');
    // guard: base64-canonical-node without: return bytes;
    return encodeBase64(bytes) === text ? bytes : undefined;
  },

  async sha256(bytes) {
    const all = new Uint8Array(SHA256_BYTES);
    writeHash(bytes, Buffer.from(all.buffer), 0);
    return all;
  },

  async digestB64u(message) {
    return hash('sha256', message, 'base64url');
  },

  async sha256Each(messages) {
    const all = new Uint8Array(messages.length * SHA256_BYTES);
    const buffer = Buffer.from(all.buffer);
    for (const [at, message] of messages.entries()) writeHash(message, buffer, at * SHA256_BYTES);
    return all;
  },

  async sealGcm(key, plaintext, additionalData) {
    const iv: Bytes = new Uint8Array(IV_BYTES);
    randomFillSync(iv);
    return { iv, ...sealGcmAt(iv, key, plaintext, additionalData) };
  },

  async sealGcmAt(nonce, key, plaintext, additionalData) {
    return sealGcmAt(nonce, key, plaintext, additionalData);
  },

  async hkdf(secret, salt, info, length) {
    return new Uint8Array(hkdfSync('sha256', createSecretKey(secret), salt, info, length));
  },

  async encryptOaep(key, plaintext) {
    return owned(publicEncrypt(keyObjectOf(key), plaintext));
  },

  async importSigner(jwk, method) {
    const native = nativeOf(method);
    if (native === undefined) return web.importSigner(jwk, method);
    const { digest, keyType, offLoop } = native;
    const key = withOptions(createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' }), method.key.name);
    // guard: signer-kind
    if (key.asymmetricKeyType !== keyType) throw new TypeError('a key of another kind');
    if (!offLoop) return async (bytes) => owned(sign(digest, bytes, key));
    return (bytes) =>
      new Promise((resolve, reject) => {
        sign(digest, bytes, key, (error, signature) => (error === null ? resolve(owned(signature)) : reject(error)));
      });
  },

  async verify(method, key, signature, bytes) {
    const native = nativeOf(method);
    if (native === undefined) return web.verify(method, key, signature, bytes);
    return verify(native.digest, bytes, keyObjectOf(key), signature);
  },
};

/** As a short text a hash takes a third of the time that it takes as a Buffer. */
function writeHash(message: Bytes, to: Buffer, at: number): void {
  to.write(hash('sha256', message, 'binary'), at, 'latin1');
}

export function sha256Stream(): Sha256Stream {
  const state = createHash('sha256');
  return {
    update: (piece) => void state.update(piece),
    digest: () => owned(state.digest()),
  };
}

function sealGcmAt(
  iv: Bytes,
  keyBytes: Bytes,
  plaintext: Uint8Array,
  additionalData: Bytes,
): { readonly ciphertext: Bytes; readonly tag: Bytes } {
  // Bytes that are a key are taken for one only after two exceptions; a key object at once.
  const cipher = createCipheriv('aes-256-gcm', createSecretKey(keyBytes), iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(additionalData);
  const ciphertext = owned(cipher.update(plaintext));
  cipher.final();
  return { ciphertext, tag: owned(cipher.getAuthTag()) };
}

function encodeBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function nativeOf({ operation }: SigningMethod): NativeSigning | undefined {
  return NATIVE_SIGNING.get(operation.name);
}

function keyObjectOf(key: CryptoKey): KeyObject {
  let object = keyObjects.get(key);
  if (object === undefined) {
    object = withOptions(KeyObject.from(key), key.algorithm.name);
    keyObjects.set(key, object);
  }
  return object;
}

/**
 * A key that is its own options. In an object beside them Node 24 finds it only after two exceptions, which take as long
 * as the signature's check itself.
 */
function withOptions(key: KeyObject, algorithm: string): KeyObject {
  return Object.assign(key, OPTIONS[algorithm]);
}

/** The bytes of a buffer that shares its memory with no other; Buffer would give itself away in what callers see. */
function owned(buffer: Buffer): Bytes {
  return buffer.buffer instanceof ArrayBuffer && buffer.byteLength === buffer.buffer.byteLength
    ? new Uint8Array(buffer.buffer)
    : new Uint8Array(buffer);
}
