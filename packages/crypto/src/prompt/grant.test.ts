import { openGrantToken } from '../../test/reading.js';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { example, promptOf } from '../../test/examples.js';
import type { TestOrganisation } from '../../test/organisation.js';
import { loadOrganisation } from '../../test/organisation.js';
import { flipped, rawJwe, withPart } from '../../test/raw-token.js';
import { randomBytes } from '../encoding/bytes.js';
import type { SealedContent } from './content.js';
import type { CryptoError } from '../names/errors.js';
import { parseGrant, sealGrant } from './grant.js';
import type { ExpectedGrant } from './open/grant.js';
import { openEarlierGrant, UnfitGrant } from './open/grant.js';
import { dataKeyCommitment } from './data-key.js';
import { Secret } from '../encoding/secret.js';
import type { Unwrapper } from '../keys/signer.js';
import { generateKeyPair } from '../keys/signer.js';
import type { Recipient } from '../organisation/directory-keys.js';

let acme: TestOrganisation;
let globex: TestOrganisation;
let sealed: SealedContent;
let grant: string;
let eu1: Recipient;
let unwrapper: Unwrapper;
let expected: ExpectedGrant;

beforeAll(async () => {
  [acme, globex] = await Promise.all([loadOrganisation('acme'), loadOrganisation('globex')]);
  ({ sealed, grant } = await example(acme));
  eu1 = acme.holder('eu1', 'enc');
  unwrapper = await acme.unwrapper('eu1');
  expected = { urn: eu1.urn, sub: promptOf(acme), ver: 3, chash: sealed.chash, dekId: sealed.dekId, dkc: sealed.dkc };
});

const failed = { code: 'open_failed', message: 'could not be opened', check: undefined, cause: undefined };

/** A grant with any header and plaintext, rightly encrypted to the responder. */
function grantWith(header: object, plaintext: Uint8Array = sealed.dek.reveal()): Promise<string> {
  return rawJwe({ ...parseGrant(grant).header, ...header }, plaintext, eu1.record.jwk);
}

describe('a grant', () => {
  it('opens to the content key for its recipient', async () => {
    const dek = await openGrantToken(grant, unwrapper, expected);
    expect(dek.reveal()).toEqual(sealed.dek.reveal());
  });

  it('tells its recipient, its content, and to which key that commits', async () => {
    expect(parseGrant(grant).header).toEqual({
      alg: 'RSA-OAEP-256',
      enc: 'A256GCM',
      typ: 'bulla-grant+jwe',
      kid: eu1.record.kid,
      aud: eu1.urn,
      sub: promptOf(acme),
      ver: 3,
      dek: sealed.dekId,
      chash: sealed.chash,
      dkc: await dataKeyCommitment(sealed.dek.reveal()),
    });
  });

  it('can be made for a device and for the recovery key', async () => {
    const recovery = acme.trust.recoveryRecipient() as Recipient;
    const grants = await Promise.all(
      [acme.holder('owner', 'enc'), recovery].map((to) => sealGrant(sealed.dek, sealed, to)),
    );
    const [forOwner = '', forRecovery = ''] = grants;
    const opened = [
      await openGrantToken(forOwner, await acme.unwrapper('owner'), { ...expected, urn: acme.urn('owner') }),
      await openGrantToken(forRecovery, await acme.unwrapper('recovery'), {
        ...expected,
        urn: 'urn:bulla:acme:recovery',
      }),
    ];
    expect(opened.map((dek) => dek.reveal())).toEqual([sealed.dek.reveal(), sealed.dek.reveal()]);
  });
});

describe('a grant of a content that commits to no key', () => {
  const place = () => {
    const { dkc: _, ...rest } = expected;
    return rest;
  };

  it('opens by itself alone, to be read and pushed again, to 32 bytes [guard: grant-key-length]', async () => {
    const token = await grantWith({ dkc: undefined });
    const dek = await openEarlierGrant(parseGrant(token), unwrapper, place());
    expect(dek.reveal()).toEqual(sealed.dek.reveal());
    const short = parseGrant(await grantWith({ dkc: undefined }, new Uint8Array(31)));
    await expect(openEarlierGrant(short, unwrapper, place())).rejects.toMatchObject({ code: 'open_failed' });
    await expect(openEarlierGrant(parseGrant(grant), unwrapper, place())).rejects.toMatchObject({
      code: 'open_failed',
    });
  });
});

describe('sealGrant refuses', () => {
  const key = (why: string) => ({ code: 'key_invalid', check: why });
  const vault = () => ({ urn: acme.urn('vault'), record: eu1.record });
  const wrong: [string, () => Promise<string>, object][] = [
    ['a content key of 31 bytes', () => sealGrant(new Secret(randomBytes(31)), sealed, eu1), key('grant-dek')],
    ['a content key of 33 bytes', () => sealGrant(new Secret(randomBytes(33)), sealed, eu1), key('grant-dek')],
    [
      'another key than that of the content [guard: grant-seal-commitment]',
      () => sealGrant(new Secret(randomBytes(32)), sealed, eu1),
      key('grant-commitment'),
    ],
    [
      'a recipient of another organisation [guard: grant-abroad]',
      () => sealGrant(sealed.dek, sealed, globex.holder('eu1', 'enc')),
      key('grant-organisation'),
    ],
    [
      'a prompt that is none',
      () => sealGrant(sealed.dek, { ...sealed, sub: 'prompt' }, eu1),
      key('grant-organisation'),
    ],
    [
      'a prompt and a recipient that are none',
      () => sealGrant(sealed.dek, { ...sealed, sub: 'prompt' }, { ...eu1, urn: '' }),
      key('grant-organisation'),
    ],
    ['a recipient without a name', () => sealGrant(sealed.dek, sealed, { ...eu1, urn: '' }), key('grant-organisation')],
    [
      'a suite that ends before the content may be read [guard: grant-protect-until]',
      () => sealGrant(sealed.dek, { ...sealed, protectUntil: '2031-01-01' }, eu1),
      key('protect-until'),
    ],
    ['a key that signs', () => sealGrant(sealed.dek, sealed, acme.holder('owner')), { code: 'key_invalid' }],
    ['the vault as recipient', () => sealGrant(sealed.dek, sealed, vault()), { code: 'token_malformed' }],
    [
      'a key id that is none',
      () => sealGrant(sealed.dek, { ...sealed, dekId: 'dek_1' }, eu1),
      { code: 'token_malformed' },
    ],
  ];
  it.each(wrong)('%s', async (_name, attempt, error) => {
    await expect(attempt()).rejects.toMatchObject(error);
  });

  it.each([
    ['the last day of a suite', '2030-12-31', 'rsa2048'],
    ['a longer time in a stronger suite', '2045-06-30', 'rsa3072'],
  ] as const)('no content to be protected until %s', async (_name, protectUntil, suite) => {
    const { kid, publicJwk } = await generateKeyPair(suite, 'enc');
    const recipient: Recipient = { urn: eu1.urn, record: { ...eu1.record, kid, suite, jwk: publicJwk } };
    const token = await sealGrant(sealed.dek, { ...sealed, protectUntil }, recipient);
    expect(parseGrant(token).header.kid).toBe(kid);
  });
});

describe('openGrant gives one error for', () => {
  const wrong: [string, () => Promise<[string, Unwrapper, ExpectedGrant]>][] = [
    [
      'a grant to somebody else',
      async () => [await sealGrant(sealed.dek, sealed, acme.holder('us1', 'enc')), unwrapper, expected],
    ],
    ["a key that is not its recipient's", async () => [grant, await acme.unwrapper('us1'), expected]],
    ['another opener [guard: grant-recipient]', async () => [grant, unwrapper, { ...expected, urn: acme.urn('us1') }]],
    [
      'another prompt [guard: grant-prompt]',
      async () => [grant, unwrapper, { ...expected, sub: `urn:bulla:acme:prompt:${acme.prompts[1]}` }],
    ],
    ['another version [guard: grant-version]', async () => [grant, unwrapper, { ...expected, ver: 2 }]],
    ['another content [guard: grant-content]', async () => [grant, unwrapper, { ...expected, chash: sealed.dekId }]],
    [
      'another content key [guard: grant-key-id]',
      async () => [grant, unwrapper, { ...expected, dekId: `dek_${'0'.repeat(32)}` }],
    ],
    ['a content that commits to another key', async () => [grant, unwrapper, { ...expected, dkc: sealed.chash }]],
    [
      'no commitment, of a content that has one',
      async () => [await grantWith({ dkc: undefined }), unwrapper, expected],
    ],
    [
      'a kid that is mine on a grant to another key',
      async () => [
        withPart(await sealGrant(sealed.dek, sealed, acme.holder('us1', 'enc')), 0, parseGrant(grant).header),
        unwrapper,
        expected,
      ],
    ],
    [
      'a header moved to another place',
      async () => [withPart(grant, 0, { ...parseGrant(grant).header, ver: 4 }), unwrapper, { ...expected, ver: 4 }],
    ],
    ['a content key of 31 bytes', async () => [await grantWith({}, new Uint8Array(31)), unwrapper, expected]],
    [
      'a random key under the right header [guard: grant-data-key]',
      async () => [await grantWith({}, randomBytes(32)), unwrapper, expected],
    ],
    ['an empty content key', async () => [await grantWith({}, new Uint8Array(0)), unwrapper, expected]],
    [
      'an encrypted key of noise [refuses: one-error]',
      async () => [withPart(grant, 1, randomBytes(256)), unwrapper, expected],
    ],
    ['an encrypted key of another length', async () => [withPart(grant, 1, randomBytes(384)), unwrapper, expected]],
    ['a tag of noise', async () => [withPart(grant, 4, randomBytes(16)), unwrapper, expected]],
    [
      'a ciphertext of noise [refuses: grant-unsigned]',
      async () => [withPart(grant, 3, randomBytes(32)), unwrapper, expected],
    ],
  ];
  it.each(wrong)('%s', async (_name, attempt) => {
    const [token, key, expectation] = await attempt();
    const error: unknown = await openGrantToken(token, key, expectation).catch((thrown: unknown) => thrown);
    const { code, message, check, cause } = error as CryptoError;
    expect({ code, message, check, cause }).toStrictEqual(failed);
  });

  it('what is for its opener and does not give the key, as unfit, and nothing else [guard: grant-commitment]', async () => {
    const unfit = [
      await grantWith({}, randomBytes(32)),
      await grantWith({}, randomBytes(31)),
      withPart(grant, 1, randomBytes(256)),
      withPart(grant, 4, randomBytes(16)),
    ];
    for (const token of unfit)
      await expect(openGrantToken(token, unwrapper, expected)).rejects.toBeInstanceOf(UnfitGrant);
    const foreign = [
      openGrantToken(grant, await acme.unwrapper('us1'), expected),
      openGrantToken(grant, unwrapper, { ...expected, ver: 2 }),
      openGrantToken(grant, unwrapper, { ...expected, dkc: sealed.chash }),
    ];
    for (const opening of foreign) await expect(opening).rejects.not.toBeInstanceOf(UnfitGrant);
  });

  it('any single changed character, unless it is no grant any more', async () => {
    for (const other of flipped(grant)) {
      await expect(openGrantToken(other, unwrapper, expected)).rejects.toMatchObject({
        code: expect.stringMatching(/^(token_malformed|open_failed)$/),
      });
    }
  });

  it('a wrong place or recipient, without using the key', async () => {
    let uses = 0;
    const counting: Unwrapper = { ...unwrapper, unwrap: (bytes) => (uses++, unwrapper.unwrap(bytes)) };
    await expect(openGrantToken(grant, counting, { ...expected, ver: 2 })).rejects.toMatchObject({
      code: 'open_failed',
    });
    const renamed = { ...counting, kid: acme.kid('us1', 'enc') };
    await expect(openGrantToken(grant, renamed, expected)).rejects.toMatchObject({ code: 'open_failed' });
    expect(uses).toBe(0);
  });

  it('a content key of another length, and wipes it', async () => {
    const token = await grantWith({}, new Uint8Array(31).fill(7));
    const wipe = jest.spyOn(Secret.prototype, 'wipe');
    await expect(openGrantToken(token, unwrapper, expected)).rejects.toMatchObject({ code: 'open_failed' });
    const wiped = (wipe.mock.contexts as Secret[]).map((secret) => secret.reveal());
    wipe.mockRestore();
    expect(wiped).toContainEqual(new Uint8Array(31));
  });
});

describe('parseGrant refuses', () => {
  it.each([
    ['of another type', { typ: 'bulla-invoke+jwe' }],
    ['with PKCS#1 encryption [refuses: alg-rsa1-5]', { alg: 'RSA1_5' }],
    ['with SHA-1 [refuses: oaep-sha1]', { alg: 'RSA-OAEP' }],
    ['without key transport', { alg: 'dir' }],
    ['with another cipher', { enc: 'A256CBC-HS512' }],
    ['with compression [refuses: zip-present]', { zip: 'DEF' }],
    ['with password parameters [refuses: p2c-present]', { p2c: 1, p2s: 'AA' }],
    ['with a path as key', { kid: '../../etc' }],
    ['for the vault [guard: grant-vault]', { aud: 'urn:bulla:acme:svc:vault' }],
    ['for a prompt', { aud: 'urn:bulla:acme:prompt:prm_01kz84jm00fs4v9y6x7qj3r2dn' }],
    ['with a prompt that is none', { sub: 'claims/triage' }],
    ['with a fraction of a version', { ver: 3.5 }],
    ['with a key id in capitals', { dek: `dek_${'A'.repeat(32)}` }],
    ['with more before its key id', { dek: `x_dek_${'a'.repeat(32)}` }],
    ['with more after its key id', { dek: `dek_${'a'.repeat(33)}` }],
    ['without a content hash', { chash: undefined }],
    ['with a commitment that is none', { dkc: 'x' }],
    ['with a member more', { iat: 1 }],
  ])('a header %s', (_name, change) => {
    const token = withPart(grant, 0, { ...parseGrant(grant).header, ...change });
    expect(() => parseGrant(token)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it('a plaintext longer than a key could be', () => {
    const token = withPart(grant, 3, new Uint8Array(8192));
    expect(() => parseGrant(token)).toThrow(expect.objectContaining({ code: 'payload_too_large' }));
  });
});
