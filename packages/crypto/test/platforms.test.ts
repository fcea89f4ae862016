import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CompactEncrypt, compactDecrypt, CompactSign, compactVerify, importJWK } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import * as z from '#zod';
import { encodeHex, utf8 } from '../src/encoding/bytes.js';
import type { Bytes } from '../src/encoding/bytes.js';
import type { JwsFormat } from '../src/tokens/compact.js';
import { parseJwe, parseJws, sealedToShape, sealTo, signJws, verifyJws } from '../src/tokens/compact.js';
import { publicKeyOf } from '../src/keys/keys.js';
import { loadUnwrapper, openWith } from '../src/tokens/open/compact.js';
import { openPlatform as openNode } from '../src/platform/open/platform-node.js';
import { openPlatform as openWeb } from '../src/platform/open/platform-web.js';
import { platform as node, sha256Stream as nodeStream } from '../src/platform/platform-node.js';
import { platform as web, sha256Stream as webStream } from '../src/platform/platform-web.js';
import { loadSigner } from '../src/keys/signer.js';
import { publicJwkOf, sealingMethod, signingMethod } from '../src/keys/suites.js';
import { keyPairOf } from '../src/testing/members.js';

/** What is done in two ways gives one result: the same bytes and the same verdicts, and those of jose. */

const BOTH = [
  ['node', node, openNode, web, openWeb],
  ['web', web, openWeb, node, openNode],
] as const;
const SIGNING = [
  ['PS256', 'rsa2048'],
  ['ES256', 'p256'],
  ['Ed25519', 'ed25519'],
] as const;
const SEALING = [
  ['RSA-OAEP-256', 'rsa2048'],
  ['ECDH-ES+A256KW', 'p256'],
] as const;
const MESSAGE = utf8('The bulla is broken by its recipient only.');
const bytes = (constraints: fc.IntArrayConstraints = {}) => fc.uint8Array(constraints) as fc.Arbitrary<Bytes>;
const flip = (of: Uint8Array, bit: number): Bytes => {
  const flipped = new Uint8Array(of);
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return flipped;
};
const longer = (of: Uint8Array): Bytes => new Uint8Array([...of, 0]);
const verdict = (of: Promise<unknown>): Promise<boolean> =>
  of.then(
    (value) => value !== false,
    () => false,
  );
const recordOf = async (suite: 'rsa2048' | 'p256' | 'ed25519', use: 'sig' | 'enc') => {
  const pair = await keyPairOf('platforms', suite, use);
  const record = { kid: pair.kid, use, alg: pair.alg, jwk: pair.publicJwk };
  return { ...pair, record, publicKey: await publicKeyOf(record) };
};

describe.each([
  ['base64url', 'encodeBase64url', 'decodeBase64url'],
  ['base64', 'encodeBase64', 'decodeBase64'],
] as const)('%s', (name, encode, decode) => {
  it('is the same text, and the same bytes again', () => {
    fc.assert(
      fc.property(bytes({ maxLength: 200 }), (given) => {
        const text = Buffer.from(given).toString(name);
        for (const platform of [node, web]) {
          expect(platform[encode](given)).toBe(text);
          expect(platform[decode](text)).toEqual(given);
        }
      }),
    );
  });

  it('is refused alike in every other spelling', () => {
    const alphabet = Array.from('AQgwz09-_+/= \n.é\u0141\u{1f511}');
    const anything = fc.oneof(
      fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 12 }),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(anything, (text) => {
        expect(node[decode](text)).toEqual(web[decode](text));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('base64 and base64url', () => {
  it.each([['Zg'], ['Zg='], ['Zm9v===='], ['Zm9v Yg=='], ['Zm9v\n'], ['-_-_'], ['Zh=='], ['Zg==Zg=='], ['='], ['==']])(
    'do not take for base64 %j [guard: base64-canonical-node] [guard: base64-canonical-web]',
    (text) => {
      for (const platform of [node, web]) expect(platform.decodeBase64(text)).toBeUndefined();
    },
  );

  it.each([['A'], ['AAAAA'], ['AB'], ['AAB'], ['AA=='], ['A+A/'], ['AA AA'], ['AA\n'], ['\u0141AAA'], ['AAA\u0141']])(
    'do not take for base64url %j [guard: token-canonical-web] [guard: token-alphabet]',
    (text) => {
      for (const platform of [node, web]) expect(platform.decodeBase64url(text)).toBeUndefined();
    },
  );

  it('are read into memory of their own, and written from any part of a buffer', () => {
    const text = node.encodeBase64url(MESSAGE.subarray(3, 20));
    const read = node.decodeBase64url(text);
    expect(read).toEqual(MESSAGE.slice(3, 20));
    expect(read?.buffer.byteLength).toBe(17);
    expect(Buffer.isBuffer(read)).toBe(false);
  });
});

it('SHA-256 is the same', async () => {
  await fc.assert(
    fc.asyncProperty(bytes({ maxLength: 300 }), async (given) => {
      expect(encodeHex(await node.sha256(given))).toBe(encodeHex(await web.sha256(given)));
      for (const platform of [node, web])
        expect(await platform.digestB64u(given)).toBe(web.encodeBase64url(await web.sha256(given)));
    }),
  );
});

it('SHA-256 of many is that of each, one after another', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(bytes({ maxLength: 100 }), { maxLength: 20 }), async (messages) => {
      const each = await Promise.all(messages.map((message) => web.sha256(message)));
      const expected = each.map(encodeHex).join('');
      for (const platform of [node, web]) expect(encodeHex(await platform.sha256Each(messages))).toBe(expected);
    }),
  );
});

describe.each([
  ['node', nodeStream, 'Digest already called'],
  ['web', webStream, 'hash was destroyed'],
])('SHA-256 of a stream, by %s', (_name, stream, isOver) => {
  const hashOf = (...pieces: Uint8Array[]) => {
    const hash = stream();
    for (const piece of pieces) hash.update(piece);
    return encodeHex(hash.digest());
  };

  /** FIPS 180-4 has its examples on a page of its own: NIST, Example Values, SHA256; the long one is of FIPS 180-2. */
  it.each([
    ['nothing', 1, '', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['abc', 1, 'abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    [
      '448 bits',
      1,
      'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    ],
    ['a million a', 1000, 'a'.repeat(1000), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
  ])('is the published one: %s', (_what, times, text, published) => {
    expect(hashOf(...Array.from({ length: times }, () => utf8(text)))).toBe(published);
  });

  it('is that of node:crypto over all of it, however it is cut', () => {
    const places = fc.array(fc.nat(), { maxLength: 8 });
    fc.assert(
      fc.property(bytes({ maxLength: 1000 }), places, (given, at) => {
        const cuts = [0, ...at.map((one) => one % (given.length + 1)).toSorted((a, b) => a - b), given.length];
        const pieces = cuts.slice(1).map((end, index) => given.subarray(cuts[index], end));
        expect(hashOf(...pieces)).toBe(createHash('sha256').update(given).digest('hex'));
      }),
      { numRuns: 1000 },
    );
  });

  it('is taken of a piece as it was, in memory of its own, once', () => {
    const [hash, piece] = [stream(), utf8('abc')];
    hash.update(piece);
    piece.fill(0);
    const digest = hash.digest();
    expect([encodeHex(digest).slice(0, 8), digest.buffer.byteLength]).toEqual(['ba7816bf', 32]);
    expect(Buffer.isBuffer(digest)).toBe(false);
    expect(() => hash.update(piece)).toThrow(isOver);
    expect(() => hash.digest()).toThrow(isOver);
  });
});

it('HKDF is the same', async () => {
  const length = fc.integer({ min: 1, max: 200 });
  await fc.assert(
    fc.asyncProperty(bytes(), bytes(), bytes(), length, async (secret, salt, info, of) => {
      const [one, other] = [await node.hkdf(secret, salt, info, of), await web.hkdf(secret, salt, info, of)];
      expect([one.length, encodeHex(one)]).toEqual([of, encodeHex(other)]);
    }),
  );
});

describe.each(BOTH)('what %s seals', (_name, one, _openOne, other, openOther) => {
  const key = new Uint8Array(32).fill(7);

  it.each([0, 1, 16, 1_000, 70_000])('opens on the other, %i bytes, and not with a bit changed', async (length) => {
    const plaintext = new Uint8Array(length).fill(9);
    const sealed = await one.sealGcm(key, plaintext, MESSAGE);
    expect([sealed.iv.length, sealed.ciphertext.length, sealed.tag.length]).toEqual([12, length, 16]);
    expect(await openOther.openGcm(key, sealed, MESSAGE)).toEqual(plaintext);
    const attempts = [
      openOther.openGcm(flip(key, 3), sealed, MESSAGE),
      openOther.openGcm(key, { ...sealed, iv: flip(sealed.iv, 95) }, MESSAGE),
      openOther.openGcm(key, { ...sealed, tag: flip(sealed.tag, 127) }, MESSAGE),
      openOther.openGcm(key, { ...sealed, ciphertext: longer(sealed.ciphertext) }, MESSAGE),
      // Of nothing, no bit can be changed.
      openOther.openGcm(
        key,
        length === 0 ? { ...sealed, iv: flip(sealed.iv, 0) } : { ...sealed, ciphertext: flip(sealed.ciphertext, 0) },
        MESSAGE,
      ),
      openOther.openGcm(key, sealed, flip(MESSAGE, 0)),
    ];
    const wrong = await Promise.all(attempts.map(verdict));
    expect(wrong).toEqual(wrong.map(() => false));
  });

  it('has the same bytes under a nonce that is counted', async () => {
    const [nonce, plaintext] = [new Uint8Array(12).fill(3), utf8('frame')];
    const sealed = await one.sealGcmAt(nonce, key, plaintext, MESSAGE);
    expect(sealed).toEqual(await other.sealGcmAt(nonce, key, plaintext, MESSAGE));
    expect(await openOther.openGcm(key, { iv: nonce, ...sealed }, MESSAGE)).toEqual(plaintext);
  });

  it('has a fresh IV each time', async () => {
    const ivs = await Promise.all(Array.from({ length: 50 }, () => one.sealGcm(key, MESSAGE, MESSAGE)));
    expect(new Set(ivs.map(({ iv }) => encodeHex(iv))).size).toBe(50);
  });

  it('to an RSA key opens with the private one', async () => {
    const { publicKey, privateJwk, kid } = await recordOf('rsa2048', 'enc');
    const unwrapper = await loadUnwrapper(privateJwk, 'RSA-OAEP-256');
    expect(unwrapper.kid).toBe(kid);
    const secret = await unwrapper.unwrap({ encryptedKey: await one.encryptOaep(publicKey, key) });
    expect(secret.reveal()).toEqual(key);
  });
});

describe.each(BOTH)('what %s signs', (_name, one, _openOne, other, _openOther) => {
  it.each(SIGNING)('%s is verified by both, and by neither with a bit changed', async (alg, suite) => {
    const { privateJwk, publicKey } = await recordOf(suite, 'sig');
    const method = signingMethod(alg);
    const signature = await (await one.importSigner(privateJwk, method))(MESSAGE);
    for (const platform of [one, other]) {
      expect(await platform.verify(method, publicKey, signature, MESSAGE)).toBe(true);
      expect(await platform.verify(method, publicKey, signature, flip(MESSAGE, 0))).toBe(false);
      for (const bit of [0, signature.length * 4, signature.length * 8 - 1])
        expect(await verdict(platform.verify(method, publicKey, flip(signature, bit), MESSAGE))).toBe(false);
      for (const length of [0, 1, signature.length - 1])
        expect(await verdict(platform.verify(method, publicKey, signature.slice(0, length), MESSAGE))).toBe(false);
    }
  });

  it.each([
    ['PS256', 'ed25519'],
    ['ES256', 'rsa2048'],
    ['Ed25519', 'p256'],
  ] as const)('%s takes no key of %s', async (alg, suite) => {
    const { privateJwk } = await recordOf(suite, 'sig');
    expect(await verdict(one.importSigner(privateJwk, signingMethod(alg)))).toBe(false);
  });

  it('is not verified under a key that is sealed to, nor is anything sealed to one that signs', async () => {
    const { privateJwk, publicKey: signing } = await recordOf('rsa2048', 'sig');
    const material = { alg: 'RSA-OAEP-256', jwk: publicJwkOf(privateJwk) } as const;
    const sealing = await publicKeyOf(material);
    const method = signingMethod('PS256');
    const signature = await (await one.importSigner(privateJwk, method))(MESSAGE);
    expect(await one.verify(method, signing, signature, MESSAGE)).toBe(true);
    expect(await verdict(one.verify(method, sealing, signature, MESSAGE))).toBe(false);
    expect(await verdict(one.encryptOaep(sealing, MESSAGE))).toBe(true);
    expect(await verdict(one.encryptOaep(signing, MESSAGE))).toBe(false);
  });
});

describe('tokens', () => {
  const format: JwsFormat<{ text: string }> = {
    typ: 'bulla-differential+jws',
    claims: z.strictObject({ text: z.string() }),
    maxBytes: 1_000,
  };

  it.each(SIGNING)('%s: what we sign jose verifies, and what jose signs we verify', async (alg, suite) => {
    const { privateJwk, publicKey, record, kid } = await recordOf(suite, 'sig');
    const ours = await signJws(format, { text: 'ours' }, await loadSigner(privateJwk, alg));
    expect((await compactVerify(ours, publicKey, { algorithms: [alg] })).protectedHeader).toEqual({
      alg,
      typ: format.typ,
      kid,
    });
    const theirs = await new CompactSign(utf8('{"text":"theirs"}'))
      .setProtectedHeader({ alg, typ: format.typ, kid })
      .sign(await importJWK(privateJwk as JWK, alg));
    await expect(verifyJws(parseJws(theirs, format), record, 'test')).resolves.toBeUndefined();
  });

  it.each(SIGNING)('%s: with a character changed, jose and we say the same', async (alg, suite) => {
    const { privateJwk, publicKey, record } = await recordOf(suite, 'sig');
    const token = await signJws(format, { text: 'ours' }, await loadSigner(privateJwk, alg));
    const ours = async (text: string) => verifyJws(parseJws(text, format), record, 'test');
    const joses = async (text: string) => compactVerify(text, publicKey, { algorithms: [alg] });
    const place = fc.tuple(fc.nat(token.length - 1), fc.constantFrom('A', 'Z', 'a', 'z', '0', '9', '-', '_'));
    await fc.assert(
      fc.asyncProperty(place, async ([at, character]) => {
        const changed = token.slice(0, at) + character + token.slice(at + 1);
        expect(await verdict(ours(changed))).toBe(changed === token);
        // jose takes a second spelling of the last character; nothing else.
        const isRespelled = at === token.length - 1 && changed !== token;
        expect(isRespelled || (await verdict(joses(changed))) === (changed === token)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it.each(SEALING)('%s: what we seal jose opens, and what jose seals we open', async (alg, suite) => {
    const { privateJwk, publicKey, record, kid } = await recordOf(suite, 'enc');
    const sealed = {
      typ: 'bulla-differential+jwe',
      header: z.strictObject({ ...sealedToShape, typ: z.string() }),
      maxBytes: 1_000,
    };
    const header = { alg, enc: 'A256GCM' as const, typ: sealed.typ, kid };
    const ours = await sealTo(sealed, header, MESSAGE, record);
    const privateKey = (await importJWK(privateJwk as JWK, alg)) as CryptoKey;
    const opened = await compactDecrypt(ours, privateKey, { keyManagementAlgorithms: [alg] });
    expect(new Uint8Array(opened.plaintext)).toEqual(MESSAGE);
    const theirs = await new CompactEncrypt(MESSAGE).setProtectedHeader(header).encrypt(publicKey);
    expect(Object.keys(opened.protectedHeader).toSorted()).toEqual(Object.keys(headerOf(theirs)).toSorted());
    expect(await openWith(parseJwe(theirs, sealed), await loadUnwrapper(privateJwk, alg))).toEqual(MESSAGE);
    expect(sealingMethod(alg).ephemeral).toBe('epk' in opened.protectedHeader);
  });

  const headerOf = (token: string) =>
    JSON.parse(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString()) as object;
});
