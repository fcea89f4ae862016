import { openPlatform } from '#open-platform';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { compactDecrypt, importJWK } from 'jose';
import * as z from '#zod';
import { decodeBase64url, encodeBase64url, randomBytes, utf8 } from '../../encoding/bytes.js';
import type { JweFormat } from '../compact.js';
import { parseJwe, sealTo, sealUnder } from '../compact.js';
import { CryptoError } from '../../names/errors.js';
import type { KeyRecord } from '../../keys/keys.js';
import { loadUnwrapper, openUnder, openWith } from './compact.js';
import { Secret } from '../../encoding/secret.js';
import type { KeyPair, Unwrapper } from '../../keys/signer.js';
import { keyPairOf } from '../../testing/members.js';

const headerSchema = z.strictObject({
  alg: z.enum(['dir', 'RSA-OAEP-256']),
  enc: z.literal('A256GCM'),
  typ: z.literal('test+jwe'),
  kid: z.string(),
});
const JWE: JweFormat<z.infer<typeof headerSchema>> = { typ: 'test+jwe', header: headerSchema, maxBytes: 1000 };

let pair: KeyPair;
let unwrapper: Unwrapper;
let sealed: string;

beforeAll(async () => {
  pair = await keyPairOf('open', 'rsa2048', 'enc');
  unwrapper = await loadUnwrapper(pair.privateJwk, 'RSA-OAEP-256');
  sealed = await seal(utf8('hello'));
});

function seal(plaintext: Uint8Array): Promise<string> {
  const { kid, publicJwk: jwk } = pair;
  const record: KeyRecord = {
    kid,
    use: 'enc',
    alg: 'RSA-OAEP-256',
    suite: 'rsa2048',
    pur: ['unwrap'],
    nbf: 0,
    use_until: 1,
    end: 1,
    jwk,
  };
  return sealTo(JWE, { alg: 'RSA-OAEP-256', enc: 'A256GCM', typ: 'test+jwe', kid }, plaintext, record);
}

const open = (token: string, by: Unwrapper = unwrapper) => openWith(parseJwe(token, JWE), by);

/** The token with one bit of one part flipped. */
function flip(token: string, part: number, bit: number): string {
  return token
    .split('.')
    .map((text, at) => {
      if (at !== part) return text;
      const bytes = decodeBase64url(text);
      const index = Math.floor(bit / 8) % bytes.length;
      bytes[index] = (bytes[index] ?? 0) ^ (1 << (bit % 8));
      return encodeBase64url(bytes);
    })
    .join('.');
}

describe('opening with a private key', () => {
  it('undoes sealing, for any plaintext', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (plaintext) => {
        expect(await open(await seal(plaintext))).toEqual(plaintext);
      }),
      { numRuns: 20 },
    );
  });

  it('agrees with jose', async () => {
    const key = await importJWK(pair.privateJwk, 'RSA-OAEP-256');
    expect((await compactDecrypt(sealed, key)).plaintext).toEqual(await open(sealed));
  });

  it.each([
    ['encrypted key', 1],
    ['initialisation vector', 2],
    ['ciphertext', 3],
    ['tag [refuses: one-error]', 4],
  ])('refuses any bit of the %s flipped, with one error', async (_name, part) => {
    await fc.assert(
      fc.asyncProperty(fc.nat(2047), async (bit) => {
        await expect(open(flip(sealed, part, bit))).rejects.toEqual(
          new CryptoError('open_failed', 'could not be opened'),
        );
      }),
      { numRuns: 20 },
    );
  });

  it('refuses a header that was changed', async () => {
    const [header = '', ...rest] = sealed.split('.');
    const changed = JSON.stringify({
      ...(JSON.parse(Buffer.from(header, 'base64url').toString()) as object),
      kid: 'other',
    });
    const parsed = parseJwe([encodeBase64url(utf8(changed)), ...rest].join('.'), JWE);
    await expect(openWith(parsed, { ...unwrapper, kid: 'other' })).rejects.toMatchObject({ code: 'open_failed' });
  });

  it.each<[string, Partial<Unwrapper>]>([
    ['kid [guard: open-kid]', { kid: 'other' }],
    ['algorithm', { alg: 'ECDH-ES+A256KW' }],
  ])('refuses a token for another %s without using the key', async (_what, changes) => {
    let used = 0;
    const counting: Unwrapper = {
      ...unwrapper,
      ...changes,
      unwrap: (key) => {
        used++;
        return unwrapper.unwrap(key);
      },
    };
    await expect(open(sealed, counting)).rejects.toMatchObject({ code: 'open_failed' });
    expect(used).toBe(0);
  });

  it('takes no key of another algorithm', async () => {
    const { privateJwk } = await keyPairOf('open', 'p256', 'enc');
    await expect(loadUnwrapper(privateJwk, 'RSA-OAEP-256')).rejects.toMatchObject({ code: 'key_invalid' });
  });

  it('refuses a content key of another length, like any other fault [guard: open-cek-length]', async () => {
    const publicKey = await crypto.subtle.importKey(
      'jwk',
      pair.publicJwk,
      { name: 'RSA-OAEP', hash: 'SHA-256' },
      false,
      ['encrypt'],
    );
    for (const length of [0, 16, 31, 33]) {
      const short = await crypto.subtle.encrypt({ name: 'RSA-OAEP' }, publicKey, new Uint8Array(length));
      await expect(unwrapper.unwrap({ encryptedKey: new Uint8Array(short) })).rejects.toEqual(
        new CryptoError('open_failed', 'could not be opened'),
      );
    }
  });

  it('wipes the content key, and has no cause in its error', async () => {
    let cek: Secret | undefined;
    const watching: Unwrapper = {
      ...unwrapper,
      async unwrap(key) {
        cek = await unwrapper.unwrap(key);
        return cek;
      },
    };
    await open(sealed, watching);
    expect(cek?.reveal()).toEqual(new Uint8Array(32));
    const error: unknown = await open(flip(sealed, 4, 0), watching).catch((reason: unknown) => reason);
    expect((error as Error).cause).toBeUndefined();
    expect(cek?.reveal()).toEqual(new Uint8Array(32));
  });

  it('goes on to the tag after a bad key, so that both take the same path [refuses: one-error]', async () => {
    const failing: Unwrapper = {
      ...unwrapper,
      unwrap: () => Promise.reject(new Error('the token in the HSM is gone: PIN 4711')),
    };
    const tried = jest.spyOn(openPlatform, 'openGcm');
    const error: unknown = await open(sealed, failing).catch((reason: unknown) => reason);
    const attempts = tried.mock.calls.length;
    tried.mockRestore();
    expect(error).toEqual(new CryptoError('open_failed', 'could not be opened'));
    expect(attempts).toBe(1);
  });
});

describe('what does not open', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['by its key', () => open(sealed, { ...unwrapper, unwrap: () => Promise.reject(new Error('not this one')) })],
    ['by its tag', () => open(flip(sealed, 4, 0))],
  ])('%s draws one random key, and wipes it', async (_why, opening) => {
    const draw = jest.spyOn(crypto, 'getRandomValues');
    await expect(opening()).rejects.toMatchObject({ code: 'open_failed' });
    const drawn = draw.mock.calls.map(([bytes]) => bytes);
    draw.mockRestore();
    // What is held here are the bytes themselves, and no copy.
    expect(drawn).toEqual([new Uint8Array(32)]);
  });
});

describe('opening under a content key', () => {
  const header = { alg: 'dir', enc: 'A256GCM', typ: 'test+jwe', kid: 'dek' } as const;

  it('undoes sealing and leaves the key to its owner', async () => {
    const bytes = randomBytes(32);
    const dek = new Secret(bytes.slice());
    const token = await sealUnder(JWE, header, utf8('hello'), dek);
    expect(await openUnder(parseJwe(token, JWE), dek)).toEqual(utf8('hello'));
    expect(dek.reveal()).toEqual(bytes);
  });

  it.each([
    ['another key', () => new Secret(randomBytes(32))],
    ['a key of 16 bytes', () => new Secret(randomBytes(16))],
    ['a key of 31 bytes', () => new Secret(randomBytes(31))],
    ['a key of 33 bytes', () => new Secret(randomBytes(33))],
    ['no key', () => new Secret(new Uint8Array(0))],
  ])('refuses %s, with one error', async (_name, wrong) => {
    const token = await sealUnder(JWE, header, utf8('hello'), new Secret(randomBytes(32)));
    const dek = wrong();
    const tried = jest.spyOn(openPlatform, 'openGcm');
    await expect(openUnder(parseJwe(token, JWE), dek)).rejects.toEqual(
      new CryptoError('open_failed', 'could not be opened'),
    );
    const attempts = tried.mock.calls.length;
    tried.mockRestore();
    // What has another length, platforms take for another cipher.
    expect(attempts).toBe(dek.reveal().length === 32 ? 1 : 0);
  });

  it('refuses a token that was rightly sealed under a key of 16 bytes', async () => {
    const bytes = randomBytes(16);
    const iv = randomBytes(12);
    const encoded = encodeBase64url(utf8(JSON.stringify(header)));
    const key = await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt']);
    const parameters = { name: 'AES-GCM', iv, additionalData: utf8(encoded) };
    const output = new Uint8Array(await crypto.subtle.encrypt(parameters, key, utf8('hello')));
    const parts = [iv, output.subarray(0, -16), output.subarray(-16)].map(encodeBase64url);
    const parsed = parseJwe([encoded, '', ...parts].join('.'), JWE);
    await expect(openUnder(parsed, new Secret(bytes))).rejects.toEqual(
      new CryptoError('open_failed', 'could not be opened'),
    );
  });

  it.each([
    ['an initialisation vector of 16 bytes', 'iv', 16],
    ['a tag of 12 bytes', 'tag', 12],
  ] as const)('refuses %s, even if it never was parsed', async (_name, part, length) => {
    const dek = new Secret(randomBytes(32));
    const parsed = parseJwe(await sealUnder(JWE, header, utf8('hello'), dek), JWE);
    const parts = { ...parsed.parts, [part]: new Uint8Array(length) };
    const tried = jest.spyOn(openPlatform, 'openGcm');
    await expect(openUnder({ ...parsed, parts }, dek)).rejects.toMatchObject({ code: 'open_failed' });
    const attempts = tried.mock.calls.length;
    tried.mockRestore();
    expect(attempts).toBe(0);
  });
});
