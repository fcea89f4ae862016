import { sha256 } from '@noble/hashes/sha2.js';
import type { Bytes, Platform, SealedGcm, Sha256Stream } from './platform.js';
import { importSigner, verify } from './web-signing.js';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const VALUES = new Int8Array(128).fill(-1);
for (let value = 0; value < 64; value++) VALUES[ALPHABET.charCodeAt(value)] = value;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const SHA256_BYTES = 32;

/** WebCrypto, in browsers and wherever else it is. */
export const platform: Platform = {
  encodeBase64url,

  decodeBase64url(text) {
    if (text.length % 4 === 1) return undefined;
    const bytes = new Uint8Array((text.length * 3) >> 2);
    let bits = 0;
    let held = 0;
    let at = 0;
    for (let index = 0; index < text.length; index++) {
      const value = VALUES[text.charCodeAt(index)] ?? -1;
      // guard: token-alphabet
      if (value < 0) return undefined;
      held = ((held << 6) | value) & 0xffff;
      bits += 6;
      if (bits >= 8) {
        bits -= 8;
        bytes[at++] = (held >> bits) & 0xff;
      }
    }
    // guard: token-canonical-web without: return bytes;
    return (held & ((1 << bits) - 1)) === 0 ? bytes : undefined;
  },

  encodeBase64(bytes) {
    const text = encodeBase64url(bytes).replaceAll('-', '+').replaceAll('_', '/');
    return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
  },

  decodeBase64(text) {
    // guard: base64-canonical-web
    if (!BASE64.test(text)) return undefined;
    return platform.decodeBase64url(text.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'));
  },

  async sha256(bytes) {
    return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  },

  async digestB64u(message) {
    const bytes = typeof message === 'string' ? new TextEncoder().encode(message) : message;
    return encodeBase64url(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
  },

  async sha256Each(messages) {
    const hashes = await Promise.all(messages.map((message) => crypto.subtle.digest('SHA-256', message)));
    const all = new Uint8Array(messages.length * SHA256_BYTES);
    for (const [at, hash] of hashes.entries()) all.set(new Uint8Array(hash), at * SHA256_BYTES);
    return all;
  },

  async sealGcm(key, plaintext, additionalData) {
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    return { iv, ...(await sealGcmAt(iv, key, plaintext, additionalData)) };
  },

  sealGcmAt,

  async hkdf(secret, salt, info, length) {
    const key = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits']);
    const parameters = { name: 'HKDF', hash: 'SHA-256', salt, info };
    return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, length * 8));
  },

  async encryptOaep(key, plaintext) {
    return new Uint8Array(await crypto.subtle.encrypt({ name: 'RSA-OAEP' }, key, plaintext));
  },

  importSigner,
  verify,
};

function encodeBase64url(bytes: Uint8Array): string {
  let text = '';
  // Pieces of a multiple of three bytes, small enough for the argument list of fromCharCode.
  for (let start = 0; start < bytes.length; start += 0x3000) {
    text += btoa(String.fromCharCode(...bytes.subarray(start, start + 0x3000)));
  }
  return text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

export function sha256Stream(): Sha256Stream {
  const state = sha256.create();
  return {
    update: (piece) => void state.update(piece),
    digest: () => state.digest(),
  };
}

async function sealGcmAt(
  iv: Bytes,
  keyBytes: Bytes,
  plaintext: Uint8Array,
  additionalData: Bytes,
): Promise<Omit<SealedGcm, 'iv'>> {
  const key = await crypto.subtle.importKey('raw', keyBytes, 'AES-GCM', false, ['encrypt']);
  const parameters = { name: 'AES-GCM', iv, additionalData, tagLength: TAG_BYTES * 8 };
  const sealed: Bytes = new Uint8Array(await crypto.subtle.encrypt(parameters, key, plaintext as Bytes));
  const end = sealed.length - TAG_BYTES;
  return { ciphertext: sealed.subarray(0, end), tag: sealed.subarray(end) };
}
