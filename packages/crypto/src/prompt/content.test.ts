import { openContentToken } from '../../test/reading.js';
import { openPlatform } from '#open-platform';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { exampleStatement, promptOf } from '../../test/examples.js';
import type { TestOrganisation } from '../../test/organisation.js';
import { loadOrganisation } from '../../test/organisation.js';
import { flipped, rawJwe, withPart } from '../../test/raw-token.js';
import { decodeBase64url, digestB64u, randomBytes, tokenHash, utf8 } from '../encoding/bytes.js';
import type { ContentPlace, SealedContent } from './content.js';
import { CONTENT_MAX_BYTES, parseContent, readContentHeader, sealContent } from './content.js';
import type { CryptoError } from '../names/errors.js';
import { Secret } from '../encoding/secret.js';
import { openEarlierContent } from './open/content.js';
import { signStatement, STATEMENT_MAX_BYTES } from './statement.js';

let acme: TestOrganisation;
let place: ContentPlace;
let statement: string;
let sealed: SealedContent;

beforeAll(async () => {
  acme = await loadOrganisation('acme');
  place = { org: 'acme', sub: promptOf(acme), ver: 3 };
  statement = await signStatement(exampleStatement(acme), await acme.signer('owner'));
  sealed = await sealContent(statement, place);
});

/** A content with any header and plaintext, under the key of `sealed`. */
function contentWith(header: object, plaintext: Uint8Array = utf8(statement)): Promise<string> {
  return rawJwe({ ...parseContent(sealed.content).header, ...header }, plaintext, sealed.dek.reveal());
}

const failed = { code: 'open_failed', message: 'could not be opened', check: undefined, cause: undefined };

describe('a content', () => {
  it('opens with its key at its place', async () => {
    await expect(openContentToken(sealed.content, sealed.dek, place)).resolves.toBe(statement);
  });

  it('is wiped where it was opened, good or bad', async () => {
    const open = jest.spyOn(openPlatform, 'openGcm');
    await openContentToken(sealed.content, sealed.dek, place);
    const other = await contentWith({ cmt: 'A'.repeat(43) });
    await expect(openContentToken(other, sealed.dek, place)).rejects.toMatchObject({ code: 'open_failed' });
    const opened = await Promise.all(open.mock.results.map(({ value }) => value as Promise<Uint8Array>));
    open.mockRestore();
    expect(opened).toEqual([1, 2].map(() => new Uint8Array(utf8(statement).length)));
  });

  it('tells its place, its key id and commitments to its plaintext and its key, and nothing of them', async () => {
    expect(parseContent(sealed.content).header).toEqual({
      alg: 'dir',
      enc: 'A256GCM',
      typ: 'bulla-content+jwe',
      cty: 'bulla-prompt+jwt',
      kid: sealed.dekId,
      org: 'acme',
      sub: place.sub,
      ver: 3,
      cmt: await tokenHash(statement),
      dkc: await digestB64u(Buffer.concat([Buffer.from('bulla data key\0'), sealed.dek.reveal()])),
    });
  });

  it('says what it is in its first part alone; what is not such a part is refused', () => {
    const [part = ''] = sealed.content.split('.');
    expect(readContentHeader(part)).toEqual(parseContent(sealed.content).header);
    for (const other of ['', `${part}A`, part.slice(1), sealed.content])
      expect(() => readContentHeader(other)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it('comes with all that its grants need', async () => {
    const chash = await tokenHash(sealed.content);
    expect(sealed).toMatchObject({ sub: place.sub, ver: 3, chash, protectUntil: '2029-12-31' });
    expect(sealed.dek.reveal()).toHaveLength(32);
  });

  it('never has the key, the key id or the text of another', async () => {
    const again = await sealContent(statement, place);
    expect(again.dek.reveal()).not.toEqual(sealed.dek.reveal());
    expect(again.dekId).not.toBe(sealed.dekId);
    expect(again.chash).not.toBe(sealed.chash);
  });

  it('holds the longest statement', async () => {
    const messages = [{ role: 'user' as const, content: 'x'.repeat(STATEMENT_MAX_BYTES - 2048) }];
    const content = { messages, vars: {}, model: { name: 'm' } };
    const long = await signStatement(exampleStatement(acme, { content }), await acme.signer('owner'));
    const { content: token, dek } = await sealContent(long, place);
    await expect(openContentToken(token, dek, place)).resolves.toBe(long);
  });

  it('opens to what was sealed, whatever that says', async () => {
    const owner = await acme.signer('releaser');
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 200 }), async (text) => {
        const message = text.replaceAll('\0', '');
        const signed = await signStatement(exampleStatement(acme, { iss: acme.urn('releaser'), message }), owner);
        const { content, dek } = await sealContent(signed, place);
        expect(await openContentToken(content, dek, place)).toBe(signed);
      }),
      { numRuns: 25 },
    );
  });
});

describe('sealContent refuses', () => {
  it.each([
    ['another prompt [guard: seal-place]', { sub: 'urn:bulla:acme:prompt:prm_01kz84jm00fs4v9y6x7qj3r2dn' }],
    ['another version', { ver: 4 }],
    ['another organisation', { org: 'globex' }],
  ])('a statement about %s', async (_name, other) => {
    const refused = sealContent(statement, { ...place, ...other });
    await expect(refused).rejects.toMatchObject({ code: 'envelope_tampered', check: 'content-place' });
  });

  it('what is no statement', async () => {
    await expect(sealContent('a.b.c', place)).rejects.toMatchObject({ code: 'token_malformed' });
  });
});

describe('openContent gives one error for', () => {
  const wrong: [string, () => Promise<[string, Secret, ContentPlace]>][] = [
    ['another key', async () => [sealed.content, new Secret(randomBytes(32)), place]],
    [
      'its key, where it commits to another [guard: content-data-key]',
      async () => [await contentWith({ dkc: await tokenHash('other') }), sealed.dek, place],
    ],
    ['a key of another length', async () => [sealed.content, new Secret(randomBytes(31)), place]],
    ['another organisation', async () => [sealed.content, sealed.dek, { ...place, org: 'globex' }]],
    [
      'another prompt [guard: content-place]',
      async () => [sealed.content, sealed.dek, { ...place, sub: `${place.sub.slice(0, -1)}0` }],
    ],
    ['another version', async () => [sealed.content, sealed.dek, { ...place, ver: 2 }]],
    [
      'a header moved to another place',
      async () => [
        withPart(sealed.content, 0, { ...parseContent(sealed.content).header, ver: 4 }),
        sealed.dek,
        { ...place, ver: 4 },
      ],
    ],
    [
      'another plaintext than it commits to [guard: content-commitment]',
      async () => [await contentWith({ cmt: await tokenHash('other') }), sealed.dek, place],
    ],
    [
      'a plaintext that is not text',
      async () => [
        await contentWith({ cmt: await digestB64u(new Uint8Array([0xff])) }, new Uint8Array([0xff])),
        sealed.dek,
        place,
      ],
    ],
    [
      'a ciphertext that was cut',
      async () => [
        withPart(sealed.content, 3, decodeBase64url(sealed.content.split('.')[3] ?? '').slice(1)),
        sealed.dek,
        place,
      ],
    ],
    ['a ciphertext without text', async () => [withPart(sealed.content, 3, ''), sealed.dek, place]],
  ];
  it.each(wrong)('%s', async (_name, attempt) => {
    const [token, dek, at] = await attempt();
    const error: unknown = await openContentToken(token, dek, at).catch((thrown: unknown) => thrown);
    const { code, message, check, cause } = error as CryptoError;
    expect({ code, message, check, cause }).toStrictEqual(failed);
  });

  it('any single changed character, unless it is no content any more', async () => {
    for (const other of flipped(sealed.content)) {
      await expect(openContentToken(other, sealed.dek, place)).rejects.toMatchObject({
        code: expect.stringMatching(/^(token_malformed|open_failed)$/),
      });
    }
  });
});

describe('a content that commits to no key', () => {
  it('is refused by name before the key is used [guard: content-uncommitted]', async () => {
    const earlier = await contentWith({ dkc: undefined });
    const open = jest.spyOn(openPlatform, 'openGcm');
    await expect(openContentToken(earlier, sealed.dek, place)).rejects.toMatchObject({ code: 'content_uncommitted' });
    expect(open).not.toHaveBeenCalled();
    open.mockRestore();
  });

  it('opens to be read and pushed again, and that way nothing else does [guard: earlier-content]', async () => {
    const earlier = parseContent(await contentWith({ dkc: undefined }));
    await expect(openEarlierContent(earlier, sealed.dek, place)).resolves.toBe(statement);
    const other = openEarlierContent(earlier, new Secret(randomBytes(32)), place);
    await expect(other).rejects.toMatchObject({ code: 'open_failed' });
    const committed = openEarlierContent(parseContent(sealed.content), sealed.dek, place);
    await expect(committed).rejects.toMatchObject({ code: 'open_failed' });
  });
});

describe('parseContent refuses', () => {
  it.each([
    ['of another type', { typ: 'bulla-grant+jwe' }],
    ['with another content type', { cty: 'JWT' }],
    ['with another algorithm', { alg: 'A256KW' }],
    ['with another cipher', { enc: 'A128GCM' }],
    ['with compression [refuses: zip-present]', { zip: 'DEF' }],
    ['that carries its key [refuses: jwk-present]', { jwk: {} }],
    ['with critical extensions [refuses: crit-present]', { crit: ['exp'], exp: 1 }],
    ['with a foreign key id', { kid: 'kek:acme:7' }],
    ['with an organisation that is none', { org: 'Acme' }],
    ['with a prompt that is none', { sub: 'urn:bulla:acme:dev:dev_01kz84jm00fs4v9y6x7qj3r2dn' }],
    ['with version 0', { ver: 0 }],
    ['with a hash that is none', { cmt: 'x' }],
    ['without a commitment', { cmt: undefined }],
    ['with a commitment to its key that is none', { dkc: 'x' }],
    ['with a member more', { iss: 'urn:bulla:acme' }],
  ])('a header %s', (_name, change) => {
    const token = withPart(sealed.content, 0, { ...parseContent(sealed.content).header, ...change });
    expect(() => parseContent(token)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it.each([
    ['an encrypted key', 1, new Uint8Array(256)],
    ['an initialisation vector of 16 bytes', 2, new Uint8Array(16)],
    ['a tag of 12 bytes', 4, new Uint8Array(12)],
  ])('%s', (_name, index, part) => {
    const token = withPart(sealed.content, index, part);
    expect(() => parseContent(token)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it('a content over its size', () => {
    const token = withPart(sealed.content, 3, new Uint8Array(CONTENT_MAX_BYTES + 4096));
    expect(() => parseContent(token)).toThrow(expect.objectContaining({ code: 'payload_too_large' }));
  });
});
