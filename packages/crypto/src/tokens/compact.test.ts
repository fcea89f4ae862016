import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { CompactEncrypt, importJWK } from 'jose';
import * as z from '#zod';
import { encodeBase64url, randomBytes, utf8 } from '../encoding/bytes.js';
import type { JweFormat, JwsFormat } from './compact.js';
import { parseJwe, parseJws, sealAlgOf, sealTo, sealUnder, signJws, split, verifyJws } from './compact.js';
import type { KeyRecord } from '../keys/keys.js';
import { Secret } from '../encoding/secret.js';
import type { KeyPair, Signer } from '../keys/signer.js';
import { loadSigner } from '../keys/signer.js';
import type { SignAlg } from '../keys/suites.js';
import { keyPairOf } from '../testing/members.js';

const JWS: JwsFormat<{ text: string }> = {
  typ: 'test+jwt',
  claims: z.strictObject({ text: z.string() }),
  maxBytes: 100,
};
const headerSchema = z.strictObject({
  alg: z.enum(['dir', 'RSA-OAEP-256']),
  enc: z.literal('A256GCM'),
  typ: z.literal('test+jwe'),
  kid: z.string(),
});
const JWE: JweFormat<z.infer<typeof headerSchema>> = { typ: 'test+jwe', header: headerSchema, maxBytes: 100 };
const HEADER = { alg: 'dir', enc: 'A256GCM', typ: 'test+jwe', kid: 'k' } as const;

let rsa: KeyPair;
let other: KeyPair;
let edwards: KeyPair;
let sealing: KeyPair;
let signer: Signer;
let token: string;
let sealed: string;

function recordOf({ kid, alg, suite, publicJwk: jwk }: KeyPair, use: KeyRecord['use'] = 'sig'): KeyRecord {
  return { kid, use, alg, suite, pur: use === 'sig' ? ['http'] : ['unwrap'], nbf: 0, use_until: 1, end: 1, jwk };
}

beforeAll(async () => {
  rsa = await keyPairOf('compact', 'rsa2048', 'sig');
  other = await keyPairOf('compact, another', 'rsa2048', 'sig');
  edwards = await keyPairOf('compact', 'ed25519', 'sig');
  sealing = await keyPairOf('compact', 'rsa2048', 'enc');
  signer = await loadSigner(rsa.privateJwk, 'PS256');
  token = await signJws(JWS, { text: 'hello' }, signer);
  sealed = await sealTo(JWE, { ...HEADER, alg: 'RSA-OAEP-256' }, utf8('hello'), recordOf(sealing, 'enc'));
});

function encode(value: unknown): string {
  return encodeBase64url(utf8(typeof value === 'string' ? value : JSON.stringify(value)));
}

/** The token with one part replaced, or the header with changed members. */
function withPart(of: string, index: number, part: string): string {
  return of
    .split('.')
    .map((old, at) => (at === index ? part : old))
    .join('.');
}
const withHeader = (changes: object) =>
  withPart(token, 0, encode({ alg: 'PS256', typ: 'test+jwt', kid: rsa.kid, ...changes }));

describe('a signed token', () => {
  it.each(['rsa2048', 'rsa3072', 'p256', 'ed25519'] as const)(
    'is read and verified under a key of %s',
    async (suite) => {
      const pair = await keyPairOf('compact', suite, 'sig');
      const made = await signJws(JWS, { text: 'ä' }, await loadSigner(pair.privateJwk, pair.alg as SignAlg));
      const parsed = parseJws(made, JWS);
      expect(parsed).toEqual({
        token: made,
        header: { alg: pair.alg, typ: 'test+jwt', kid: pair.kid },
        claims: { text: 'ä' },
      });
      await expect(verifyJws(parsed, recordOf(pair), 'the-check')).resolves.toBeUndefined();
    },
  );

  it.each<[string, () => string]>([
    ['nothing', () => ''],
    ['two parts [guard: token-parts]', () => token.slice(0, token.lastIndexOf('.'))],
    ['four parts [refuses: token-parts]', () => `${token}.`],
    ['five parts', () => sealed],
    ['an empty header', () => withPart(token, 0, '')],
    ['an empty payload', () => withPart(token, 1, '')],
    ['padding', () => `${token}==`],
    ['a line break', () => `${token}\n`],
    [
      'another spelling of its signature [refuses: base64url-spelling]',
      () => token.replace(/.$/, (last) => (last === 'B' ? 'C' : 'B')),
    ],
    [
      'the general JSON serialisation [refuses: json-serialisation]',
      () => JSON.stringify({ payload: token.split('.')[1], signatures: [] }),
    ],
    ['a header that is no object', () => withPart(token, 0, encode('[]'))],
    ['a header with white space', () => withPart(token, 0, encode(' {}'))],
    [
      'a header with a member twice',
      () => withPart(token, 0, encode(`{"alg":"PS256","typ":"test+jwt","kid":"${rsa.kid}","alg":"PS256"}`)),
    ],
    ['no kid', () => withPart(token, 0, encode({ alg: 'PS256', typ: 'test+jwt' }))],
    ['another typ [guard: token-typ]', () => withHeader({ typ: 'other+jwt' })],
    ['a typ in capitals', () => withHeader({ typ: 'TEST+JWT' })],
    ['alg "none" [guard: token-algorithm-names]', () => withHeader({ alg: 'none' })],
    ...['None', 'nOnE', 'HS256', 'RS256', 'ES384', 'EdDSA', 'ps256', ''].map((alg): [string, () => string] => [
      `alg "${alg}"`,
      () => withHeader({ alg }),
    ]),
    ['a header with x5u [refuses: x5u-present]', () => withHeader({ x5u: 'x' })],
    ['a header with b64 [refuses: b64-present]', () => withHeader({ b64: false })],
    ...['jwk', 'jku', 'x5c', 'x5t', 'crit', 'zip', 'p2c', 'apu', 'enc', 'cty'].map((name): [string, () => string] => [
      `a header with ${name}`,
      () => withHeader({ [name]: 'x' }),
    ]),
    [`kid "' OR 1=1 --" [refuses: kid-sql]`, () => withHeader({ kid: "' OR 1=1 --" })],
    ...['../key', 'https://evil.example', ''].map((kid): [string, () => string] => [
      `kid "${kid}"`,
      () => withHeader({ kid }),
    ]),
    ['claims of another shape', () => withPart(token, 1, encode({ text: 1 }))],
    ['a further claim', () => withPart(token, 1, encode({ text: '', more: 1 }))],
    ['claims with white space', () => withPart(token, 1, encode('{"text": ""}'))],
    ['a claim twice', () => withPart(token, 1, encode('{"text":"","text":""}'))],
  ])('is refused with %s', (_name, make) => {
    expect(() => parseJws(make(), JWS)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it.each<[string, () => string]>([
    ['payload', () => withPart(token, 1, encode({ text: 'x'.repeat(90) }))],
    ['header [refuses: oversize-header]', () => withHeader({ kid: 'x'.repeat(2048) })],
    ['whole [guard: token-length]', () => `${token}${'A'.repeat(10_000)}`],
  ])('is refused with a %s that is too long', (_name, make) => {
    expect(() => parseJws(make(), JWS)).toThrow(expect.objectContaining({ code: 'payload_too_large' }));
  });

  it('is refused if it is long and has many dots, without splitting them all', () => {
    expect(() => parseJws('.'.repeat(3000), JWS)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it.each<[string, () => KeyRecord]>([
    ['under another kid [guard: token-kid]', () => ({ ...recordOf(rsa), kid: edwards.kid })],
    ['under another key', () => ({ ...recordOf(other), kid: rsa.kid })],
    ['by a record of another algorithm', () => ({ ...recordOf(edwards), kid: rsa.kid })],
    ['by a sealing key [guard: token-key-use]', () => recordOf(rsa, 'enc')],
  ])('is refused %s', async (_name, record) => {
    await expect(verifyJws(parseJws(token, JWS), record(), 'the-check')).rejects.toMatchObject({
      code: 'signature_invalid',
      check: 'the-check',
    });
  });

  it('is refused if it names another algorithm than its key has, though the signature is good', async () => {
    const signing = `${encode({ alg: 'ES256', typ: JWS.typ, kid: rsa.kid })}.${encode({ text: 'hello' })}`;
    const named = `${signing}.${encodeBase64url(await signer.sign(utf8(signing)))}`;
    await expect(verifyJws(parseJws(named, JWS), recordOf(rsa), 'the-check')).rejects.toMatchObject({
      code: 'signature_invalid',
    });
  });

  it('is refused after any one character of it changed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom(...'Ab0_'.split('')), async (at, letter) => {
        fc.pre(token[at] !== letter && token[at] !== '.');
        const mutated = token.slice(0, at) + letter + token.slice(at + 1);
        const outcome = (async () => verifyJws(parseJws(mutated, JWS), recordOf(rsa), 'the-check'))();
        await expect(outcome).rejects.toMatchObject({
          code: expect.stringMatching(/^(token_malformed|signature_invalid)$/),
        });
      }),
    );
  });

  it('is not made of what would not be read', async () => {
    await expect(signJws(JWS, { text: 1 } as never, signer)).rejects.toMatchObject({ code: 'token_malformed' });
    await expect(signJws(JWS, { text: '\ud800' }, signer)).rejects.toMatchObject({ code: 'token_malformed' });
    await expect(signJws(JWS, { text: 'x'.repeat(90) }, signer)).rejects.toMatchObject({ code: 'payload_too_large' });
  });
});

describe('a sealed token', () => {
  const dek = () => new Secret(randomBytes(32));

  it('shows its header and parts', () => {
    const { header, parts } = parseJwe(sealed, JWE);
    expect(header).toEqual({ ...HEADER, alg: 'RSA-OAEP-256' });
    expect(parts).toMatchObject({ protected: sealed.split('.')[0] });
    expect([parts.encryptedKey.length, parts.iv.length, parts.ciphertext.length, parts.tag.length]).toEqual([
      256, 12, 5, 16,
    ]);
  });

  it('has a fresh initialisation vector each time', async () => {
    const key = dek();
    const tokens = await Promise.all([1, 2].map(() => sealUnder(JWE, HEADER, utf8('hello'), key)));
    expect(new Set(tokens.map((one) => one.split('.')[2])).size).toBe(2);
  });

  const headerWith = (changes: object) => withPart(sealed, 0, encode({ ...HEADER, alg: 'RSA-OAEP-256', ...changes }));

  it.each<[string, () => string]>([
    ['three parts [refuses: token-parts]', () => token],
    ['four parts', () => sealed.slice(0, sealed.lastIndexOf('.'))],
    ['six parts [refuses: token-parts]', () => `${sealed}.`],
    ['an encrypted key where there is none [guard: token-encrypted-key]', () => headerWith({ alg: 'dir' })],
    ['no encrypted key where there is one', () => withPart(sealed, 1, '')],
    ['an initialisation vector of 16 bytes', () => withPart(sealed, 2, encodeBase64url(new Uint8Array(16)))],
    ['no initialisation vector', () => withPart(sealed, 2, '')],
    ['a tag of 12 bytes [guard: token-iv]', () => withPart(sealed, 4, encodeBase64url(new Uint8Array(12)))],
    ['no tag', () => withPart(sealed, 4, '')],
    ...['RSA1_5', 'RSA-OAEP', 'A256KW', 'ECDH-ES', 'PBES2-HS256+A128KW'].map((alg): [string, () => string] => [
      `alg ${alg}`,
      () => headerWith({ alg }),
    ]),
    ...['A128GCM', 'A256CBC-HS512'].map((enc): [string, () => string] => [`enc ${enc}`, () => headerWith({ enc })]),
    ...['zip', 'jwk', 'crit', 'epk', 'p2c', 'x5c'].map((name): [string, () => string] => [
      `a header with ${name}`,
      () => headerWith({ [name]: 'DEF' }),
    ]),
  ])('is refused with %s', (_name, make) => {
    expect(() => parseJwe(make(), JWE)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it('wipes its content key', async () => {
    const wipe = jest.spyOn(Secret.prototype, 'wipe');
    await sealTo(JWE, { ...HEADER, alg: 'RSA-OAEP-256' }, utf8('hello'), recordOf(sealing, 'enc'));
    const wiped = (wipe.mock.contexts as Secret[]).map((secret) => secret.reveal());
    wipe.mockRestore();
    expect(wiped).toEqual([new Uint8Array(32)]);
  });

  it('is refused if it is too long, by a character', () => {
    const longest = Math.ceil(((100 + 2048 + 512) * 4) / 3) + 64;
    expect(split(`${'A'.repeat(longest - 5)}.AAA.`, 3, 100)).toHaveLength(3);
    expect(() => split(`${'A'.repeat(longest - 5)}.AAAA.`, 3, 100)).toThrow(
      expect.objectContaining({ code: 'payload_too_large' }),
    );
    expect(() => parseJwe(withPart(sealed, 3, 'A'.repeat(10_000)), JWE)).toThrow(
      expect.objectContaining({ code: 'payload_too_large' }),
    );
  });

  it('is refused if jose made it with compression [refuses: zip-present] [refuses: zip-bomb]', async () => {
    const key = await importJWK(sealing.publicJwk, 'RSA-OAEP-256');
    const header = { ...HEADER, alg: 'RSA-OAEP-256', zip: 'DEF' };
    const compressed = await new CompactEncrypt(utf8('hello')).setProtectedHeader(header).encrypt(key);
    expect(() => parseJwe(compressed, JWE)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it("is not made to a signing key, or under another algorithm than the key's [guard: seal-to-enc]", async () => {
    const header = { ...HEADER, alg: 'RSA-OAEP-256' } as const;
    await expect(sealTo(JWE, header, utf8('x'), recordOf(rsa))).rejects.toMatchObject({ code: 'key_invalid' });
    expect(() => sealAlgOf(recordOf(rsa))).toThrow(expect.objectContaining({ code: 'key_invalid' }));
    await expect(sealTo(JWE, HEADER, utf8('x'), recordOf(sealing, 'enc'))).rejects.toMatchObject({
      code: 'key_invalid',
    });
  });

  it('holds exactly as much as its format says', async () => {
    const key = dek();
    expect(parseJwe(await sealUnder(JWE, HEADER, new Uint8Array(100), key), JWE).parts.ciphertext).toHaveLength(100);
  });

  it('is not made of what would not be read', async () => {
    await expect(sealUnder(JWE, { ...HEADER, typ: 'x' } as never, utf8('x'), dek())).rejects.toMatchObject({
      code: 'token_malformed',
    });
    await expect(sealUnder(JWE, HEADER, new Uint8Array(101), dek())).rejects.toMatchObject({
      code: 'payload_too_large',
    });
  });
});
