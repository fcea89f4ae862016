import { describe, expect, it } from '@jest/globals';
import { encodeHex } from '../src/encoding/bytes.js';
import type { Bytes } from '../src/encoding/bytes.js';
import { CryptoError } from '../src/names/errors.js';
import type { Vector, VectorCase } from './wycheproof.js';
import { accepts, bytesOfHex, casesOf, findCase, requireBytes, runVectors } from './wycheproof.js';

/**
 * What our formats leave to WebCrypto: A256KW under ECDH-ES, HMAC-SHA-256 in enrolment, HKDF with SHA-512 in chunked
 * streams, PBKDF2 under passphrases. Each is called as our code calls it; there the platform alone is right or wrong.
 */

type Of<Case> = Vector<{ readonly tagSize?: number }, VectorCase & Case>;
type KeyWrap = Of<{ readonly key: string; readonly msg: string; readonly ct: string }>;
type Hkdf = Of<{ ikm: string; salt: string; info: string; size: number; okm: string }>;
type Mac = Of<{ readonly key: string; readonly msg: string; readonly tag: string }>;
type Pbkdf = Of<{ password: string; salt: string; iterationCount: number; dkLen: number; dk: string }>;

/** Platforms refuse with errors of their own. */
async function refusing<Value>(work: Promise<Value>): Promise<Value> {
  return work.catch((error: unknown) => {
    if (error instanceof Error && ['OperationError', 'DataError'].includes(error.name))
      throw new CryptoError('open_failed', 'refused');
    throw error;
  });
}

describe('Wycheproof AES key wrap', () => {
  const vectors = casesOf('aes_wrap_test.json') as KeyWrap[];
  const unwrap = async ({ test }: Pick<KeyWrap, 'test'>): Promise<void> => {
    const kek = await crypto.subtle.importKey('raw', bytesOfHex(test.key), 'AES-KW', false, ['unwrapKey']);
    // As a key of any length; content keys have 32 bytes.
    const any = { name: 'HMAC', hash: 'SHA-256' };
    const unwrapped = crypto.subtle.unwrapKey('raw', bytesOfHex(test.ct), kek, 'AES-KW', any, true, ['sign']);
    const key = await crypto.subtle.exportKey('raw', await refusing(unwrapped));
    requireBytes(new Uint8Array(key), test.msg);
  };

  it('165 cases: every valid one unwraps, no invalid one does', async () => {
    const { cases, validRefused, invalidAccepted } = await runVectors(vectors, unwrap);
    expect({ cases, validRefused, invalidAccepted }).toEqual({ cases: 165, validRefused: [], invalidAccepted: [] });
  });

  it('a case is refused once key or ciphertext is altered', async () => {
    const { test } = findCase(vectors, 1);
    const flip = (hex: string) => (hex.startsWith('0') ? '1' : '0') + hex.slice(1);
    expect(await accepts(unwrap({ test }))).toBe(true);
    expect(await accepts(unwrap({ test: { ...test, ct: flip(test.ct) } }))).toBe(false);
    expect(await accepts(unwrap({ test: { ...test, key: flip(test.key) } }))).toBe(false);
  });
});

describe('Wycheproof HKDF-SHA-512', () => {
  const derive = async ({ ikm, salt, info, size }: Hkdf['test']): Promise<Bytes> => {
    const key = await crypto.subtle.importKey('raw', bytesOfHex(ikm), 'HKDF', false, ['deriveBits']);
    const parameters = { name: 'HKDF', hash: 'SHA-512', salt: bytesOfHex(salt), info: bytesOfHex(info) };
    return new Uint8Array(await refusing(crypto.subtle.deriveBits(parameters, key, size * 8)));
  };

  it('83 cases: 80 derive what they should, the others ask for too much', async () => {
    const vectors = casesOf('hkdf_sha512_test.json') as Hkdf[];
    const { accepted, ...outcome } = await runVectors(vectors, async ({ test }) =>
      requireBytes(await derive(test), test.okm),
    );
    expect({ ...outcome, accepted: accepted.length }).toEqual({
      cases: 83,
      accepted: 80,
      validRefused: [],
      invalidAccepted: [],
    });
  });
});

describe('Wycheproof HMAC-SHA-256', () => {
  const vectors = casesOf('hmac_sha256_test.json') as Mac[];
  const verify = async ({ test, group }: Mac): Promise<void> => {
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    const key = await crypto.subtle.importKey('raw', bytesOfHex(test.key), algorithm, false, ['sign', 'verify']);
    // Platforms verify whole tags; ours are whole, and those cut to 128 bits are compared with what is made.
    const isWhole = group.tagSize === 256;
    const made = encodeHex(new Uint8Array(await crypto.subtle.sign('HMAC', key, bytesOfHex(test.msg))));
    const isGood = isWhole
      ? await crypto.subtle.verify('HMAC', key, bytesOfHex(test.tag), bytesOfHex(test.msg))
      : made.slice(0, 32) === test.tag;
    if (!isGood) throw new CryptoError('signature_invalid', 'another tag');
  };

  it('174 cases: every valid tag is, no invalid one', async () => {
    const { cases, accepted, validRefused, invalidAccepted } = await runVectors(vectors, verify);
    expect({ cases, accepted: accepted.length, validRefused, invalidAccepted }).toEqual({
      cases: 174,
      accepted: 66,
      validRefused: [],
      invalidAccepted: [],
    });
  });
});

describe('Wycheproof PBKDF2 with HMAC-SHA-256', () => {
  it('60 cases, all valid', async () => {
    const vectors = casesOf('pbkdf2_hmacsha256_test.json') as Pbkdf[];
    const { cases, accepted } = await runVectors(vectors, async ({ test }) => {
      const key = await crypto.subtle.importKey('raw', bytesOfHex(test.password), 'PBKDF2', false, ['deriveBits']);
      const { iterationCount: iterations, dkLen } = test;
      const parameters = { name: 'PBKDF2', hash: 'SHA-256', salt: bytesOfHex(test.salt), iterations };
      requireBytes(new Uint8Array(await crypto.subtle.deriveBits(parameters, key, dkLen * 8)), test.dk);
    });
    expect({ cases, accepted: accepted.length }).toEqual({ cases: 60, accepted: 60 });
  });
});
