import { openPlatform } from '#open-platform';
import { kekId, openKekWrap, parseKek, parseKekWrap, sealKekWrap } from '@bulla/crypto/open';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { flipped, rawJwe, withPart } from '../../test/raw-token.js';
import type { Format, Opened } from '../../test/wraps.js';
import { CONTEXT, DEK, FORMATS, KEK_CONTEXT, KID, ORGANISATION, ROOT_KID, WRAP } from '../../test/wraps.js';
import { randomBytes } from '../encoding/bytes.js';
import { Secret } from '../encoding/secret.js';
import type { CryptoError } from '../names/errors.js';

const other = new Uint8Array(32).fill(9);

let wrap: string;
let kek: string;
beforeAll(async () => {
  wrap = await WRAP.seal();
  kek = await ORGANISATION.seal();
});
const tokenOf = (format: Format) => (format === WRAP ? wrap : kek);

const failed = { code: 'open_failed', message: 'could not be opened', check: undefined, cause: undefined };

describe.each(FORMATS)('$name', (format) => {
  it('opens at its place with its key, which stays as it was', async () => {
    const under = new Uint8Array(format.under);
    await expect(format.open({ token: tokenOf(format), key: under })).resolves.toEqual(DEK);
    expect(under).toEqual(format.under);
  });

  it('never has the text of another', async () => {
    expect(await format.seal()).not.toBe(tokenOf(format));
  });

  it('opens to what was wrapped, whatever the keys are', async () => {
    const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const property = fc.asyncProperty(key, key, async (wrapped, under) => {
      const token = await format.seal({ key: wrapped, under });
      expect(await format.open({ token, key: under })).toEqual(wrapped);
    });
    await fc.assert(property, { numRuns: 50 });
  });

  it('leaves no copy of the key that wraps', async () => {
    const wipe = jest.spyOn(Secret.prototype, 'wipe');
    await format.open({ token: await format.seal() });
    await format.open({ token: tokenOf(format), key: other }).catch(() => undefined);
    const wiped = (wipe.mock.contexts as Secret[]).map((secret) => secret.reveal());
    wipe.mockRestore();
    expect(wiped).toEqual([1, 2, 3].map(() => new Uint8Array(32)));
  });

  it('is refused with any single changed character', async () => {
    for (const token of flipped(tokenOf(format))) {
      await expect(format.open({ token })).rejects.toMatchObject({
        code: expect.stringMatching(/^(token_malformed|key_unknown|envelope_tampered|open_failed)$/),
      });
    }
  });
});

describe('a wrapped content key', () => {
  it('tells the key it is under, and its content', () => {
    const typ = 'bulla-kekwrap+jwe';
    expect(parseKekWrap(wrap).header).toEqual({ alg: 'dir', enc: 'A256GCM', typ, kid: KID, ...CONTEXT });
  });

  it('takes a kilobyte at most', () => {
    expect(wrap.length).toBeLessThan(1024);
  });
});

describe("a wrapped organisation's key", () => {
  it('tells the root key it is under, and what it is', () => {
    const typ = 'bulla-kek+jwe';
    expect(parseKek(kek).header).toEqual({ alg: 'dir', enc: 'A256GCM', typ, kid: ROOT_KID, ...KEK_CONTEXT });
  });
});

describe('sealing refuses', () => {
  it.each<[string, () => Promise<string>, object]>([
    [
      'a content key of 31 bytes [guard: wrap-seal-length]',
      () => WRAP.seal({ key: randomBytes(31) }),
      { code: 'key_invalid', check: 'wrapped-key' },
    ],
    ["an organisation's key of 33 bytes", () => ORGANISATION.seal({ key: randomBytes(33) }), { code: 'key_invalid' }],
    [
      'a wrapping key of 16 bytes [guard: wrap-key-size]',
      () => WRAP.seal({ under: randomBytes(16) }),
      { code: 'key_invalid', check: 'wrapping-key' },
    ],
    ['a root key of 24 bytes', () => ORGANISATION.seal({ under: randomBytes(24) }), { code: 'key_invalid' }],
    ['the name of a root key as kid', () => WRAP.seal({ kid: ROOT_KID }), { code: 'token_malformed' }],
    [
      'a prompt of another organisation',
      () => WRAP.seal({ context: { org: 'globex' }, kid: 'kek:globex:7' }),
      { code: 'token_malformed' },
    ],
    [
      'another content key than that of its content [guard: kekwrap-seal-commitment]',
      () => WRAP.seal({ context: { dkc: CONTEXT.chash } }),
      { code: 'key_invalid', check: 'wrapped-key' },
    ],
    ['a content hash that is none', () => WRAP.seal({ context: { chash: 'x' } }), { code: 'token_malformed' }],
    [
      'a version that its name does not say',
      () => ORGANISATION.seal({ context: { kver: 8 } }),
      { code: 'token_malformed' },
    ],
  ])('%s', async (_name, attempt, error) => {
    await expect(attempt()).rejects.toMatchObject(error);
  });
});

describe('before a key is used, opening tells that a wrapped key', () => {
  const decrypted = jest.spyOn(openPlatform, 'openGcm');
  const elsewhere = (member: string) => ({ code: 'envelope_tampered', check: `wrap-${member}` });

  it.each<[string, Format, Omit<Opened, 'token'>, object]>([
    ['is under another version [guard: wrap-kid]', WRAP, { kid: 'kek:acme:8' }, { code: 'key_unknown', kid: KID }],
    ['is under another root key', ORGANISATION, { kid: 'root:file:2' }, { code: 'key_unknown', kid: ROOT_KID }],
    ["is another organisation's [guard: kekwrap-org]", WRAP, { context: { org: 'globex' } }, elsewhere('org')],
    [
      "is another prompt's [guard: kekwrap-sub]",
      WRAP,
      { context: { sub: `${CONTEXT.sub.slice(0, -1)}0` } },
      elsewhere('sub'),
    ],
    ["is another version's [guard: kekwrap-ver]", WRAP, { context: { ver: 4 } }, elsewhere('ver')],
    [
      'is another content key [guard: kekwrap-dek]',
      WRAP,
      { context: { dek: `dek_${'0'.repeat(32)}` } },
      elsewhere('dek'),
    ],
    [
      'is of a content that commits to another key [guard: kekwrap-dkc]',
      WRAP,
      { context: { dkc: 'E'.repeat(43) } },
      elsewhere('dkc'),
    ],
    ["is another content's [guard: kekwrap-chash]", WRAP, { context: { chash: 'E'.repeat(43) } }, elsewhere('chash')],
    [
      "is an organisation's key of another [guard: kek-org]",
      ORGANISATION,
      { context: { org: 'globex' } },
      elsewhere('org'),
    ],
    [
      "is another organisation's key [guard: kek-name]",
      ORGANISATION,
      { context: { kek: 'kek:acme:8' } },
      elsewhere('kek'),
    ],
    [
      "is an organisation's key of another version [guard: kek-version]",
      ORGANISATION,
      { context: { kver: 8 } },
      elsewhere('kver'),
    ],
    ['is asked for under a key of 31 bytes', WRAP, { key: randomBytes(31) }, { code: 'key_invalid' }],
  ])('%s', async (_name, format, change, error) => {
    decrypted.mockClear();
    await expect(format.open({ token: tokenOf(format), ...change })).rejects.toMatchObject(error);
    expect(decrypted).not.toHaveBeenCalled();
  });
});

describe('after a key was used, opening gives one error for', () => {
  const moved = (format: Format, change: object): Opened => ({
    token: withPart(tokenOf(format), 0, { ...format.header(tokenOf(format)), ...change }),
    context: change,
  });
  const part = (format: Format, index: number, bytes: number): Opened => ({
    token: withPart(tokenOf(format), index, randomBytes(bytes)),
  });

  it.each<[string, Format, () => Opened]>([
    ['another key', WRAP, () => ({ token: wrap, key: other })],
    ['another root key', ORGANISATION, () => ({ token: kek, key: other })],
    ['a wrap moved to another version', WRAP, () => moved(WRAP, { ver: 4 })],
    ['a wrap moved to another content', WRAP, () => moved(WRAP, { chash: 'E'.repeat(43) })],
    ['a wrap moved to another content key', WRAP, () => moved(WRAP, { dek: `dek_${'0'.repeat(32)}` })],
    [
      "an organisation's key moved to another version",
      ORGANISATION,
      () => moved(ORGANISATION, { kek: 'kek:acme:8', kver: 8 }),
    ],
    [
      "an organisation's key moved to another organisation",
      ORGANISATION,
      () => moved(ORGANISATION, { org: 'globex', kek: 'kek:globex:7' }),
    ],
    ['a ciphertext of noise', WRAP, () => part(WRAP, 3, 32)],
    ['a tag of noise', ORGANISATION, () => part(ORGANISATION, 4, 16)],
    ['an initialisation vector of noise', WRAP, () => part(WRAP, 2, 12)],
  ])('%s', async (_name, format, opened) => {
    const error: unknown = await format.open(opened()).catch((thrown: unknown) => thrown);
    const { code, message, check, cause } = error as CryptoError;
    expect({ code, message, check, cause }).toStrictEqual(failed);
  });

  it('a key inside that is not the one that its header and its content commit to [guard: kekwrap-data-key]', async () => {
    const header = parseKekWrap(wrap).header;
    const token = await rawJwe(header, other, WRAP.under);
    await expect(WRAP.open({ token })).rejects.toMatchObject({ code: 'open_failed' });
    const { dkc: _, ...rest } = header;
    const without = await rawJwe(rest, other, WRAP.under);
    await expect(WRAP.open({ token: without })).resolves.toEqual(other);
  });

  it('rows that were exchanged, whatever they are', async () => {
    const row = fc.record({
      org: fc.constantFrom('acme', 'globex'),
      version: fc.integer({ min: 1, max: 3 }),
      ver: fc.integer({ min: 1, max: 3 }),
      prompt: fc.constantFrom('n', 'p'),
    });
    const keys = new Map<string, Uint8Array>();
    const placed = ({ org, version, ver, prompt }: { org: string; version: number; ver: number; prompt: string }) => {
      const kid = kekId(org, version);
      const key = keys.get(kid) ?? randomBytes(32);
      keys.set(kid, key);
      const sub = `urn:bulla:${org}:prompt:prm_01kz84jm00fs4v9y6x7qj3r2d${prompt}`;
      return { kid, key, context: { ...CONTEXT, org, sub, ver } };
    };
    const property = fc.asyncProperty(row, row, async (from, to) => {
      fc.pre(JSON.stringify(from) !== JSON.stringify(to));
      const [source, target] = [placed(from), placed(to)];
      const token = await sealKekWrap(DEK, source.key, source.kid, source.context);
      await expect(openKekWrap(token, target.key, target.kid, target.context)).rejects.toMatchObject({
        code: expect.stringMatching(/^(key_unknown|envelope_tampered)$/),
      });
      // Its header changed along with its row: the tag says it.
      const header = { ...parseKekWrap(token).header, kid: target.kid, ...target.context };
      const renamed = openKekWrap(withPart(token, 0, header), target.key, target.kid, target.context);
      await expect(renamed).rejects.toMatchObject({ code: 'open_failed' });
    });
    await fc.assert(property, { numRuns: 100 });
  });
});
