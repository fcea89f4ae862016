import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compactDecrypt, compactVerify, importJWK } from 'jose';
import * as z from '#zod';
import type { Person } from '../../test/people.js';
import { person } from '../../test/people.js';
import { withPart } from '../../test/raw-token.js';
import { decodeBase64url, encodeBase64url, utf8 } from '../encoding/bytes.js';
import { sealTo } from '../tokens/compact.js';
import { CryptoError } from '../names/errors.js';
import type { SealingKey } from '../keys/key-material.js';
import { keyMaterialOf } from '../key-files/key-material.js';
import { verifyingKeyOf } from '../keys/key-material.js';
import type { Letter } from './letter.js';
import { isLetterName, LETTER_MAX_BYTES, parseLetter, sealLetter } from './letter.js';
import { openLetter } from './open/letter.js';
import type { Unwrapper } from '../keys/signer.js';
import { loadSigner } from '../keys/signer.js';
import { keyPairOf } from '../testing/members.js';

const people: Record<string, Person> = {};
const LETTER: Letter = { content: utf8('Dear Alice,\n'), at: 1_795_564_800, name: 'letter.txt' };

function of(name: string): Person {
  const found = people[name];
  if (found === undefined) throw new Error(`nobody is called ${name}`);
  return found;
}

const seal = (letter: Letter = LETTER, from = 'bob', to = 'alice') =>
  sealLetter(letter, of(from).signer, of(to).sealing);
const open = (token: string, by = 'alice', from = 'bob') => openLetter(token, of(by).unwrapper, of(from).verifying);

beforeAll(async () => {
  people['alice'] = await person('alice', 'p256');
  people['bob'] = await person('bob', 'rsa2048');
  people['carol'] = await person('carol', 'p256');
});

describe('a letter', () => {
  it.each([
    ['bob', 'alice'],
    ['alice', 'bob'],
    ['alice', 'carol'],
    ['bob', 'bob'],
  ])('from %s to %s is what it was', async (from, to) => {
    expect(await open(await seal(LETTER, from, to), to, from)).toEqual(LETTER);
  });

  it('may hold any bytes, or none, and have no name', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5_000 }), async (bytes) => {
        const content = new Uint8Array(bytes);
        expect(await open(await seal({ content, at: 0 }, 'alice', 'carol'), 'carol', 'alice')).toEqual({
          content,
          at: 0,
        });
      }),
      { numRuns: 20 },
    );
  });

  it('says outside to which key it is, and nothing of the sender', async () => {
    const { header } = parseLetter(await seal());
    expect(header).toMatchObject({ kid: of('alice').sealing.kid, typ: 'bulla-letter+jwe', cty: 'bulla-letter+jws' });
    expect(JSON.stringify(header)).not.toContain(of('bob').signer.kid);
  });

  it('is opened by any JOSE library', async () => {
    const { pairs } = of('alice');
    const outer = await compactDecrypt(await seal(), await importJWK(pairs.enc.privateJwk, pairs.enc.alg));
    const { publicJwk, alg } = of('bob').pairs.sig;
    const inner = await compactVerify(outer.plaintext, await importJWK(publicJwk, alg));
    expect(new Uint8Array(inner.payload)).toEqual(LETTER.content);
    expect(inner.protectedHeader).toEqual({
      alg: 'PS256',
      typ: 'bulla-letter+jws',
      kid: of('bob').signer.kid,
      aud: of('alice').sealing.kid,
      iat: LETTER.at,
      name: 'letter.txt',
    });
  });

  it('holds as much as it may, and no byte more', async () => {
    const content = new Uint8Array(LETTER_MAX_BYTES);
    expect((await open(await seal({ content, at: 0 }))).content.length).toBe(LETTER_MAX_BYTES);
    await expect(seal({ content: new Uint8Array(LETTER_MAX_BYTES + 1), at: 0 })).rejects.toMatchObject({
      code: 'payload_too_large',
    });
  });

  it('never opens after one flipped bit', async () => {
    const parts = (await seal()).split('.');
    await fc.assert(
      fc.asyncProperty(fc.nat(4), fc.nat(1_000_000), async (part, bit) => {
        const bytes = decodeBase64url(parts[part] ?? '');
        const index = (bit >> 3) % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ (1 << (bit & 7));
        const flipped = parts.with(part, encodeBase64url(bytes)).join('.');
        await expect(open(flipped)).rejects.toBeInstanceOf(CryptoError);
      }),
      { numRuns: 200 },
    );
  });

  it('is not sealed to the key that signs it [guard: letter-two-keys]', async () => {
    const both: SealingKey = { ...of('alice').sealing, kid: of('bob').signer.kid };
    await expect(sealLetter(LETTER, of('bob').signer, both)).rejects.toMatchObject({ code: 'key_invalid' });
  });

  it('is neither signed nor read under Ed25519', async () => {
    const pair = await keyPairOf('letter', 'ed25519', 'sig');
    const signer = await loadSigner(pair.privateJwk, 'Ed25519');
    await expect(sealLetter(LETTER, signer, of('alice').sealing)).rejects.toMatchObject({ code: 'key_invalid' });
    const verifying = verifyingKeyOf([await keyMaterialOf(pair.publicJwk)]);
    await expect(openLetter(await seal(), of('alice').unwrapper, verifying)).rejects.toMatchObject({
      code: 'key_invalid',
    });
  });

  it('is known to be to somebody else before a key is used [guard: letter-kid]', async () => {
    const unused: Unwrapper = { ...of('carol').unwrapper, unwrap: () => Promise.reject(new Error('key was used')) };
    await expect(openLetter(await seal(), unused, of('bob').verifying)).rejects.toMatchObject({ code: 'key_unknown' });
  });

  it('is known to be by another algorithm before a key is used', async () => {
    const unused: Unwrapper = { ...of('alice').unwrapper, unwrap: () => Promise.reject(new Error('key was used')) };
    const toBob = await seal(LETTER, 'bob', 'bob');
    const header = new TextDecoder().decode(decodeBase64url(toBob.split('.')[0] ?? ''));
    const renamed = withPart(toBob, 0, header.replace(of('bob').sealing.kid, unused.kid));
    await expect(openLetter(renamed, unused, of('bob').verifying)).rejects.toMatchObject({ code: 'key_unknown' });
  });

  it('that was to somebody else is not taken for one to whoever it was passed on to [guard: letter-aud]', async () => {
    const { pairs, sealing } = of('carol');
    const { plaintext } = await compactDecrypt(
      await seal(LETTER, 'bob', 'carol'),
      await importJWK(pairs.enc.privateJwk, sealing.alg),
    );
    const passOn = (to: SealingKey) =>
      sealTo(
        { typ: 'bulla-letter+jwe', header: z.looseObject({ alg: z.string(), typ: z.string() }), maxBytes: 100_000 },
        { alg: to.alg, enc: 'A256GCM', typ: 'bulla-letter+jwe', cty: 'bulla-letter+jws', kid: to.kid },
        plaintext,
        to,
      );
    expect(await open(await passOn(sealing), 'carol')).toEqual(LETTER);
    const passedOn = await open(await passOn(of('alice').sealing)).catch((error: unknown) => error);
    expect(passedOn).toEqual(new CryptoError('open_failed', 'could not be opened'));
  });

  it('does not say that it opened when somebody else signed it [guard: letter-signature] [guard: letter-one-error]', async () => {
    const error: unknown = await open(await seal(LETTER, 'carol')).catch((reason: unknown) => reason);
    expect(error).toEqual(new CryptoError('open_failed', 'could not be opened'));
    expect((error as Error).cause).toBeUndefined();
  });
});

describe('the name of a letter', () => {
  it.each(['letter.txt', 'Brief an Äneas.pdf', '...', 'a b', 'x'.repeat(255)])('can be "%s"', (name) => {
    expect(isLetterName(name)).toBe(true);
  });

  it.each(['', '.', '..', 'a/b', '/etc/passwd', 'a\\b', 'ä'.repeat(128)])(
    'cannot be %j [guard: letter-name]',
    async (name) => {
      expect(isLetterName(name)).toBe(false);
      await expect(seal({ ...LETTER, name })).rejects.toMatchObject({ code: 'token_malformed' });
    },
  );

  const unseen = [
    'a\nb',
    'a\u0000',
    '\u{1b}[2J',
    'a\u202Eb',
    'a\u200bb',
    'a\u00adb',
    '\ufeffa',
    'a\u2060',
    'a\u{e0041}',
  ];
  it.each([...unseen, ' ', ' a', 'a '])(
    'cannot be %j, which does not show whole [guard: letter-name-visible]',
    async (name) => {
      expect(isLetterName(name)).toBe(false);
      await expect(seal({ ...LETTER, name })).rejects.toMatchObject({ code: 'token_malformed' });
    },
  );
});
