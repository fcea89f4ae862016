import { beforeAll, describe, expect, it } from '@jest/globals';
import { flipped, rawJwe, withPart } from '../../test/raw-token.js';
import { decodeBase64url, randomBytes, utf8 } from '../encoding/bytes.js';
import { Secret } from '../encoding/secret.js';
import type { SealingKey } from '../keys/key-material.js';
import type { KeyPair, Signer, Unwrapper } from '../keys/signer.js';
import { generateKeyPair, loadSigner } from '../keys/signer.js';
import { loadUnwrapper } from '../tokens/open/compact.js';
import { combineShares } from './open/combine.js';
import type { DealtShares } from './open/deal.js';
import { dealShares } from './open/deal.js';
import { openShare } from './open/share.js';
import type { ShareSet } from './share-set.js';
import { composeShareSet, parseShareSet } from './share-set.js';
import { parseSealedShare, parseShare, sealShare, signShare, verifyShare } from './share.js';

const NOW = 1_764_000_000;
const COUNTS = { shares: 5, threshold: 3 };

let root: Secret;
let dealt: DealtShares;
let forger: Signer & Pick<KeyPair, 'publicJwk'>;
let processKey: SealingKey;
let unwrapper: Unwrapper;
beforeAll(async () => {
  root = new Secret(randomBytes(32));
  dealt = await dealShares(root, COUNTS, NOW);
  const pair = await generateKeyPair('ed25519', 'sig');
  forger = await loadSigner(pair.privateJwk, 'Ed25519');
  const recipient = await generateKeyPair('p256', 'enc');
  processKey = { kid: recipient.kid, use: 'enc', alg: 'ECDH-ES+A256KW', jwk: recipient.publicJwk };
  unwrapper = await loadUnwrapper(recipient.privateJwk, 'ECDH-ES+A256KW');
});

const share = (index: number) => dealt.shares[index - 1] ?? '';
const valuesOf = (...indexes: number[]) =>
  indexes.map((index) => new Secret(decodeBase64url(parseShare(share(index)).claims.value)));
const hex = (secret: Secret) => Buffer.from(secret.reveal()).toString('hex');

describe('shares of a root key', () => {
  it('make it again, any three of five of them', async () => {
    for (const indexes of [
      [1, 2, 3],
      [5, 3, 1],
      [2, 4, 5],
    ])
      expect(hex(await combineShares(valuesOf(...indexes)))).toBe(hex(root));
  });

  it('make another key where there are too few', async () => {
    expect(hex(await combineShares(valuesOf(1, 2)))).not.toBe(hex(root));
  });

  it('say which they are, of which set, and how many are needed', async () => {
    const parsed = parseShare(share(4));
    expect(parsed.header).toEqual({ alg: 'Ed25519', typ: 'bulla-share+jws', kid: dealt.set.id });
    expect(await verifyShare(parsed, dealt.set)).toMatchObject({ index: 4, ...COUNTS, iat: NOW });
  });

  it('are never dealt twice under one name', async () => {
    expect((await dealShares(root, COUNTS, NOW)).set.id).not.toBe(dealt.set.id);
  });

  it.each([
    ['one of one', { shares: 1, threshold: 1 }],
    ['one that is enough', { shares: 5, threshold: 1 }],
    ['more that are needed than there are', { shares: 2, threshold: 3 }],
    ['more than a byte counts', { shares: 256, threshold: 3 }],
    ['half a share', { shares: 5, threshold: 2.5 }],
  ])('are not dealt as %s [guard: share-counts]', async (_name, counts) => {
    await expect(dealShares(root, counts, NOW)).rejects.toMatchObject({ code: 'key_invalid', name: 'CryptoError' });
  });

  it('are not dealt of a key of another length', async () => {
    const short = dealShares(new Secret(randomBytes(31)), COUNTS, NOW);
    await expect(short).rejects.toMatchObject({ code: 'key_invalid' });
  });
});

describe('a set of shares', () => {
  it('is known by its public file, whose name is the key of its dealer', async () => {
    expect(await parseShareSet(`${dealt.file}\n`)).toEqual(dealt.set);
    expect(dealt.file).not.toContain(parseShare(share(1)).claims.value);
  });

  it.each([
    ['more that are needed than there are', { shares: 3, threshold: 4 }],
    ['one that is enough', { threshold: 1 }],
    ['a key of another kind', { dealer: { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) } }],
    ['a private key', { dealer: { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43), d: 'A'.repeat(43) } }],
  ])('is not read with %s', async (_name, change) => {
    const file = composeShareSet({ ...dealt.set, ...(change as Partial<ShareSet>) });
    await expect(parseShareSet(file)).rejects.toMatchObject({ code: 'token_malformed' });
  });
});

describe('a share is refused', () => {
  const verify = (token: string) => verifyShare(parseShare(token), dealt.set);

  it('that is of another set [guard: share-set]', async () => {
    const other = await dealShares(root, COUNTS, NOW);
    const refused = verify(other.shares[0] ?? '');
    await expect(refused).rejects.toMatchObject({ code: 'key_unknown', check: 'share-set' });
  });

  it('that somebody else signed in the name of the dealer [guard: share-dealer]', async () => {
    const { claims } = parseShare(share(1));
    const forged = await signShare(claims, { ...forger, kid: dealt.set.id });
    await expect(verify(forged)).rejects.toMatchObject({ code: 'signature_invalid', check: 'share-dealer' });
  });

  it('with any bit changed', async () => {
    let count = 0;
    for (const token of flipped(share(2))) {
      if (count++ % 7 !== 0) continue;
      await expect(Promise.resolve().then(() => verify(token))).rejects.toMatchObject({ name: 'CryptoError' });
    }
    expect(count).toBeGreaterThan(400);
  });

  it('of which another number is needed [guard: share-threshold]', async () => {
    const parsed = parseShare(share(1));
    for (const change of [{ threshold: 2 }, { shares: 6 }]) {
      const refused = verifyShare(parsed, { ...dealt.set, ...change });
      await expect(refused).rejects.toMatchObject({ code: 'key_invalid', check: 'share-threshold' });
    }
  });

  it.each([
    ['an index beyond the number of shares', { index: 6 }],
    ['the index 0', { index: 0 }],
    ['a shorter value', { value: 'A'.repeat(43) }],
    ['more that are needed than there are', { threshold: 6 }],
    ['a member more', { note: 'x' }],
  ])('with %s', async (_name, change) => {
    const { claims } = parseShare(share(1));
    await expect(signShare({ ...claims, ...change }, forger)).rejects.toMatchObject({
      code: 'token_malformed',
    });
  });
});

describe('a share on its way', () => {
  it('opens with the key of the process that it is sealed to, and says nothing outside', async () => {
    const sealed = await sealShare(share(3), processKey);
    expect(parseSealedShare(sealed).header).toMatchObject({ kid: processKey.kid, typ: 'bulla-share+jwe' });
    expect(sealed).not.toContain(share(3).split('.')[1]);
    expect(await openShare(sealed, unwrapper)).toEqual(parseShare(share(3)));
  });

  it('is not opened by another process [guard: share-recipient]', async () => {
    const other = await generateKeyPair('p256', 'enc');
    const theirs = await loadUnwrapper(other.privateJwk, 'ECDH-ES+A256KW');
    const opened = openShare(await sealShare(share(3), processKey), theirs);
    await expect(opened).rejects.toMatchObject({ code: 'key_unknown', check: 'share-recipient' });
  });

  it('is refused with one error where it was changed, or where it is no share inside', async () => {
    const sealed = await sealShare(share(3), processKey);
    const failed = { code: 'open_failed', check: undefined };
    const { epk: _epk, ...header } = parseSealedShare(sealed).header;
    const letter = await rawJwe(header, utf8('no share'), processKey.jwk);
    const tampered = withPart(sealed, 4, randomBytes(16));
    for (const token of [tampered, letter]) await expect(openShare(token, unwrapper)).rejects.toMatchObject(failed);
  });

  it('is not made of something else', async () => {
    await expect(sealShare('a root key', processKey)).rejects.toMatchObject({ code: 'token_malformed' });
  });
});
