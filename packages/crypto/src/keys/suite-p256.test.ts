import { openGrantToken } from '../../test/reading.js';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CompactEncrypt, compactDecrypt, importJWK } from 'jose';
import * as z from '#zod';
import { decodeBase64url, encodeBase64url, randomBytes, utf8 } from '../encoding/bytes.js';
import type { JweFormat } from '../tokens/compact.js';
import { parseJwe, sealedToShape, sealTo } from '../tokens/compact.js';
import { dataKeyCommitment } from '../prompt/data-key.js';
import { parseGrant, sealGrant } from '../prompt/grant.js';
import type { KeyRecord } from './keys.js';
import { loadUnwrapper, openWith } from '../tokens/open/compact.js';
import { Secret } from '../encoding/secret.js';
import type { KeyPair, Unwrapper } from './signer.js';
import type { P256PublicJwk } from './suite-p256.js';
import { checkP256Key, P256_KEYS } from './suite-p256.js';
import { checkPublicJwk } from './suites.js';
import { makeOrganisation } from '../testing.js';
import { keyPairOf } from '../testing/members.js';

const ALG = 'ECDH-ES+A256KW';
const headerSchema = z.strictObject({ ...sealedToShape, typ: z.literal('test+jwe') });
const JWE: JweFormat<z.infer<typeof headerSchema>> = { typ: 'test+jwe', header: headerSchema, maxBytes: 1000 };
const PRIME = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;

let pair: KeyPair;
let unwrapper: Unwrapper;
let point: P256PublicJwk;
let sealed: string;

beforeAll(async () => {
  pair = await keyPairOf('p256', 'p256', 'enc');
  unwrapper = await loadUnwrapper(pair.privateJwk, ALG);
  if (pair.publicJwk.kty !== 'EC') throw new Error('a key on P-256 is wanted');
  point = pair.publicJwk;
  sealed = await seal(utf8('hello'));
});

function seal(plaintext: Uint8Array): Promise<string> {
  const { kid, publicJwk: jwk } = pair;
  const times = { nbf: 0, use_until: 1, end: 1 };
  const record: KeyRecord = { kid, use: 'enc', alg: ALG, suite: 'p256', pur: ['unwrap'], ...times, jwk };
  return sealTo(JWE, { alg: ALG, enc: 'A256GCM', typ: 'test+jwe', kid }, plaintext, record);
}

async function open(token: string): Promise<Uint8Array> {
  return openWith(parseJwe(token, JWE), unwrapper);
}

/** A token that jose makes. */
async function sealByJose(setUp = (encrypt: CompactEncrypt) => encrypt): Promise<string> {
  const encrypt = new CompactEncrypt(utf8('from jose')).setProtectedHeader({
    alg: ALG,
    enc: 'A256GCM',
    typ: 'test+jwe',
    kid: pair.kid,
  });
  return setUp(encrypt).encrypt(await importJWK(pair.publicJwk, ALG));
}

/** The token with members of its header changed; undefined removes one. */
function withHeader(changes: object): string {
  const [header = '', ...rest] = sealed.split('.');
  const members = JSON.parse(new TextDecoder().decode(decodeBase64url(header))) as object;
  return [encodeBase64url(utf8(JSON.stringify({ ...members, ...changes }))), ...rest].join('.');
}

const number = (value: bigint) =>
  encodeBase64url(Uint8Array.from(value.toString(16).padStart(64, '0').match(/../g) ?? [], (hex) => parseInt(hex, 16)));

describe('a point of P-256', () => {
  it('is a good key', () => {
    expect(() => checkPublicJwk(point, 'p256')).not.toThrow();
  });

  it.each<[string, string, () => object]>([
    ['off the curve [guard: p256-curve]', 'its point is not on the curve', () => ({ y: point.x })],
    ['of zeros, as infinity is often written', 'not on the curve', () => ({ x: number(0n), y: number(0n) })],
    [
      'with an x as large as the prime [guard: p256-canonical]',
      'its point is not canonical',
      () => ({ x: number(PRIME) }),
    ],
    ['with a y beyond the prime', 'its point is not canonical', () => ({ y: number(2n ** 256n - 1n) })],
    ['with a coordinate of 31 bytes', 'its coordinates are not 32 bytes', () => ({ x: 'A'.repeat(42) })],
  ])('%s is refused', (_name, message, changes) => {
    expect(() => checkPublicJwk({ ...point, ...changes() }, 'p256')).toThrow(
      expect.objectContaining({ code: 'key_invalid', message: expect.stringContaining(message) as unknown }),
    );
  });

  it('has one spelling', () => {
    expect(() => checkP256Key({ ...point, x: `${'A'.repeat(42)}B` })).toThrow(
      expect.objectContaining({ code: 'token_malformed' }),
    );
  });

  it.each<[string, object]>([
    ['P-384', { crv: 'P-384' }],
    ['secp256k1', { crv: 'secp256k1' }],
    ['its private half', { d: 'A'.repeat(43) }],
  ])('is not one of %s', (_name, changes) => {
    expect(P256_KEYS.publicJwk.safeParse({ ...point, ...changes }).success).toBe(false);
  });

  it('is in no other suite, and no other key in its own', async () => {
    const { publicJwk } = await keyPairOf('p256', 'ed25519', 'sig');
    for (const id of ['rsa2048', 'rsa3072', 'ed25519'] as const) {
      expect(() => checkPublicJwk(point, id)).toThrow(expect.objectContaining({ code: 'key_invalid' }));
    }
    expect(() => checkPublicJwk(publicJwk, 'p256')).toThrow(expect.objectContaining({ code: 'key_invalid' }));
  });
});

describe('a token sealed to a key on P-256', () => {
  it('opens with its private key, whatever it holds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 1000 }), async (plaintext) => {
        expect(await open(await seal(plaintext))).toEqual(plaintext);
      }),
      { numRuns: 20 },
    );
  });

  it('opens by jose, and one of jose’s here', async () => {
    const key = await importJWK(pair.privateJwk, ALG);
    for (let round = 0; round < 20; round++) {
      const { plaintext } = await compactDecrypt(await seal(utf8(`round ${round}`)), key);
      expect(new TextDecoder().decode(plaintext)).toBe(`round ${round}`);
      expect(await open(await sealByJose())).toEqual(utf8('from jose'));
    }
  });

  it('has a fresh ephemeral key each time', async () => {
    const keys = [await seal(utf8('a')), await seal(utf8('a'))].map((token) => parseJwe(token, JWE).header.epk?.x);
    expect(new Set(keys).size).toBe(2);
    expect(keys).not.toContain(undefined);
  });

  it.each<[string, () => string]>([
    ['no ephemeral key [guard: token-epk-fits]', () => withHeader({ epk: undefined })],
    ['one off the curve [guard: token-epk-point]', () => withHeader({ epk: { ...point, y: point.x } })],
    ['the point (0, 0)', () => withHeader({ epk: { ...point, x: number(0n), y: number(0n) } })],
    ['one on another curve', () => withHeader({ epk: { ...point, crv: 'P-384' } })],
    ['a private one', () => withHeader({ epk: { ...point, d: point.x } })],
    ['apu', () => withHeader({ apu: 'Qm9i' })],
    ['apv', () => withHeader({ apv: 'QWxpY2U' })],
    ['ECDH-ES without key wrap', () => withHeader({ alg: 'ECDH-ES' })],
    ['ECDH-ES+A128KW', () => withHeader({ alg: 'ECDH-ES+A128KW' })],
    ['RSA-OAEP-256 and an ephemeral key', () => withHeader({ alg: 'RSA-OAEP-256' })],
  ])('is refused with %s before the private key is used', async (_name, make) => {
    expect(() => parseJwe(make(), JWE)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it('does not agree with named parties, even if the names are taken out of the header', async () => {
    const token = await sealByJose((encrypt) =>
      encrypt.setKeyManagementParameters({ apu: utf8('Alice'), apv: utf8('Bob') }),
    );
    expect(() => parseJwe(token, JWE)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
    const parsed = parseJwe(sealed, JWE);
    const { encryptedKey } = { encryptedKey: decodeBase64url(token.split('.')[1] ?? '') };
    await expect(unwrapper.unwrap({ encryptedKey, epk: parsed.header.epk })).rejects.toMatchObject({
      code: 'open_failed',
    });
  });

  it.each<[string, () => string]>([
    ['another ephemeral key', () => withHeader({ epk: point })],
    ['another encrypted key', () => withPart(1, randomBytes(40))],
    ['an encrypted key of 48 bytes', () => withPart(1, randomBytes(48))],
    ['an encrypted key of one byte', () => withPart(1, randomBytes(1))],
    ['another ciphertext', () => withPart(3, randomBytes(5))],
    ['another tag', () => withPart(4, randomBytes(16))],
  ])('does not open with %s, for one and the same reason', async (_name, make) => {
    const error: unknown = await open(make()).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'open_failed', message: 'could not be opened' });
    expect((error as Error).cause).toBeUndefined();
  });

  it('does not open without an ephemeral key that was never parsed', async () => {
    const { encryptedKey } = parseJwe(sealed, JWE).parts;
    await expect(unwrapper.unwrap({ encryptedKey })).rejects.toMatchObject({ code: 'open_failed' });
  });
});

function withPart(part: number, bytes: Uint8Array): string {
  const parts = sealed.split('.');
  parts[part] = encodeBase64url(bytes);
  return parts.join('.');
}

it('grants a content key to a responder on P-256, by its directory record alone', async () => {
  const { responders, trust, now } = await makeOrganisation({ suite: 'p256' });
  const [responder] = responders;
  const [holder] = trust.activeKeys(responder.urn, 'unwrap', now);
  if (holder === undefined) throw new Error('the responder has no key');
  const place = {
    sub: 'urn:bulla:acme:prompt:prm_01m8846r1de35rhayqpfw25ggb',
    ver: 1,
    dekId: `dek_${'0'.repeat(32)}`,
    chash: 'A'.repeat(43),
    dkc: await dataKeyCommitment(new Uint8Array(32).fill(7)),
  };
  // A suite without an end protects as long as anybody asks.
  const token = await sealGrant(
    new Secret(new Uint8Array(32).fill(7)),
    { ...place, protectUntil: '2099-12-31' },
    holder,
  );
  expect(parseGrant(token).header).toMatchObject({ alg: ALG, kid: holder.record.kid });
  const dek = await openGrantToken(token, await responder.unwrapper(), { ...place, urn: responder.urn });
  expect(dek.reveal()).toEqual(new Uint8Array(32).fill(7));
});
