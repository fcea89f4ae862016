import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeUtf8, encodeBase64url, utf8 } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import type { ExportOptions } from './key-export.js';
import { exportKeys } from './key-export.js';
import { importKeys, importPrivateKeys, importPublicKeys } from './key-import.js';
import type { KeyMaterial } from '../keys/key-material.js';
import { keyMaterialOf } from './key-material.js';
import { keyFor, namesOf, sealingKeyOf, verifyingKeyOf } from '../keys/key-material.js';
import { formatPem, parsePem } from './pem.js';
import { Secret } from '../encoding/secret.js';
import type { SuiteId } from '../keys/suites.js';
import { ALL_SUITES } from '../keys/suites.js';
import { keyPairOf, makeDevice } from '../testing/members.js';

const PASSPHRASE = 'a passphrase for tests';
const passphrase = () => new Secret(utf8(PASSPHRASE));
const keys = {} as Record<SuiteId, KeyMaterial[]>;

beforeAll(async () => {
  for (const { id, seal } of ALL_SUITES) {
    const sig = await keyPairOf('files', id, 'sig');
    keys[id] = [await keyMaterialOf(sig.privateJwk, 'sig')];
    if (seal === undefined) continue;
    keys[id].push(await keyMaterialOf((await keyPairOf('files', id, 'enc')).privateJwk, 'enc'));
  }
});

const publicOnes = (all: readonly KeyMaterial[]) => all.map(({ privateJwk: _private, ...rest }) => rest);
const refusal = (why: string) =>
  expect.objectContaining({ code: 'key_invalid', message: expect.stringContaining(why) as unknown }) as unknown;
const json = (value: unknown) => utf8(JSON.stringify(value));
/** The public JWK of one of the keys, with changes. */
const jwk = (id: SuiteId, changes: object = {}) => json({ ...keys[id][0]?.publicJwk, ...changes });

describe('a file of keys', () => {
  const formats: [SuiteId, ExportOptions['format']][] = ALL_SUITES.flatMap(({ id }) =>
    (['pem', 'jwk'] as const).map((format): [SuiteId, ExportOptions['format']] => [id, format]),
  );

  it.each(formats)('of %s as %s is read as it was written, and its public half too', async (id, format) => {
    // One key in PEM does not say what it is for.
    const expected = keys[id].map((key) =>
      keys[id].length > 1 || format === 'jwk' ? key : { ...key, use: undefined },
    );
    expect(await importKeys(await exportKeys(keys[id], { format, half: 'private' }))).toEqual(expected);
    expect(await importKeys(await exportKeys(keys[id], { format, half: 'public' }))).toEqual(publicOnes(expected));
  });

  it.each(['rsa2048', 'p256', 'ed25519'] as const)('of %s as DER holds one, also encrypted', async (id) => {
    const [key] = keys[id];
    if (key === undefined) throw new Error('no key');
    const expected = { ...key, use: undefined };
    for (const options of [{}, { passphrase: passphrase() }]) {
      const der = await exportKeys([key], { format: 'der', half: 'private', ...options });
      expect(await importKeys(der, { passphrase: async () => passphrase() })).toEqual([expected]);
    }
    expect(await importKeys(await exportKeys([key], { format: 'der', half: 'public' }))).toEqual(
      publicOnes([expected]),
    );
  });

  it('asks for its passphrase once, and says nothing but that it did not open', async () => {
    const file = await exportKeys(keys.p256, { format: 'pem', half: 'private', passphrase: passphrase() });
    expect(decodeUtf8(file)).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    let asked = 0;
    const ask = (text: string) => async () => (asked++, new Secret(utf8(text)));
    expect(await importKeys(file, { passphrase: ask(PASSPHRASE) })).toEqual(keys.p256);
    expect(asked).toBe(1);
    const error: unknown = await importKeys(file, { passphrase: ask('another') }).catch((reason: unknown) => reason);
    expect(error).toEqual(new CryptoError('open_failed', 'could not be opened'));
    await expect(importKeys(file)).rejects.toEqual(refusal('under a passphrase'));
  });

  it('of Bulla itself is read too', async () => {
    const device = await makeDevice({ org: 'acme', suite: 'p256', now: 0 }, 'files', {
      roles: ['invoker'],
      groups: [],
    });
    const read = await importPrivateKeys(json(device.keyFile));
    expect(read.map(({ kid, use }) => [kid, use])).toEqual([
      [device.sig.kid, 'sig'],
      [device.enc?.kid, 'enc'],
    ]);
  });

  it('may have text around its blocks, and other line ends', async () => {
    const text = decodeUtf8(await exportKeys(keys.p256, { format: 'pem', half: 'public' }));
    const read = await importKeys(utf8(`Alice's keys\n${text}the end\n`.replaceAll('\n', '\r\n')));
    expect(read).toEqual(publicOnes(keys.p256));
  });

  it('is private where private is due, and public where public is [guard: key-file-public]', async () => {
    for (const format of ['pem', 'jwk'] as const) {
      const own = await exportKeys(keys.p256, { format, half: 'private' });
      const others = await exportKeys(keys.p256, { format, half: 'public' });
      await expect(importPublicKeys(own)).rejects.toEqual(refusal('it is private, and a public one is due'));
      await expect(importPrivateKeys(others)).rejects.toEqual(refusal('it is public, and a private one is due'));
      expect(await importPublicKeys(others)).toEqual(publicOnes(keys.p256));
      expect(await importPrivateKeys(own)).toEqual(keys.p256);
    }
    const locked = await exportKeys(keys.p256, { format: 'pem', half: 'private', passphrase: passphrase() });
    await expect(importPublicKeys(locked)).rejects.toEqual(refusal('it is private, and a public one is due'));
  });

  it.each<[string, string, () => Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>]>([
    ['nothing in it', 'the file has none', () => utf8('')],
    ['an RSA key of 1,024 bits', '1024 bits is too weak', () => rsaPem(1024)],
    ['an RSA key of 4,096 bits', '4096 bits is of no suite', () => jwk('rsa2048', { n: ones(512) })],
    ['an exponent of 3 [guard: key-file-exponent]', 'exponent is not 65537', () => rsaPem(2048, 3)],
    ['an exponent of 3 as JWK', 'exponent is not 65537', () => jwk('rsa2048', { e: 'Aw' })],
    ['a point off the curve', 'not on the curve', offCurvePem],
    ['a point off the curve as JWK', 'not on the curve', () => jwk('p256', { y: 'A'.repeat(43) })],
    ['P-384', 'its curve is not P-256', () => curvePem('P-384')],
    ['P-521 as JWK', 'its curve is not P-256', () => jwk('p256', { crv: 'P-521' })],
    ['X25519', 'its curve is not Ed25519', () => jwk('ed25519', { crv: 'X25519' })],
    ['a point of small order', 'small order', () => jwk('ed25519', { x: 'A'.repeat(43) })],
    ['a shared secret', 'it is a shared secret', () => json({ kty: 'oct', k: 'AAAA' })],
    ['RS256 as its algorithm', 'for its alg', () => jwk('rsa2048', { alg: 'RS256' })],
    ['a use and an alg that differ', 'do not fit', () => jwk('p256', { use: 'enc', alg: 'ES256' })],
    ['a use that nobody knows', 'neither sig nor enc', () => jwk('p256', { use: 'both' })],
    ['a further member', 'wrong shape', () => jwk('p256', { x5u: 'https://example.org' })],
    ['a member twice', 'says something twice', () => utf8('{"kty":"EC","kty":"EC"}')],
    [
      'a private half of another RSA key [guard: key-file-pair]',
      'its private half is not',
      () => mixed('rsa2048', ['n']),
    ],
    ['a private half of another key on P-256', 'its private half is not', () => mixed('p256', ['x', 'y'])],
    ['a private half of another Ed25519 key', 'its private half is not', () => mixed('ed25519', ['x'])],
    [
      'one key twice [guard: key-file-twice]',
      'twice in the file',
      () => json({ keys: [keys.p256[0]?.publicJwk, keys.p256[0]?.publicJwk] }),
    ],
    ['three keys', 'more than 2', () => json({ keys: [1, 2, 3].map(() => keys.p256[0]?.publicJwk) })],
    [
      'private and public keys',
      'in one file',
      () => json({ keys: [keys.p256[0]?.privateJwk, keys.rsa2048[0]?.publicJwk] }),
    ],
    ['an older private key', 'RSA PRIVATE KEY', () => block('RSA PRIVATE KEY', new Uint8Array(9))],
    ['an older private key as DER', 'it is PKCS#1', () => Uint8Array.of(0x30, 6, 2, 1, 1, 4, 1, 7)],
    ['a certificate', 'CERTIFICATE', () => block('CERTIFICATE', new Uint8Array(9))],
    ['a block that does not end', 'not whole', () => utf8('-----BEGIN PUBLIC KEY-----\nAAAA\n')],
    ['a block of no base64', 'not base64', () => utf8('-----BEGIN PUBLIC KEY-----\n***\n-----END PUBLIC KEY-----\n')],
    ['a block of no DER', 'DER is not in order', () => block('PUBLIC KEY', Uint8Array.of(0x30, 0x80, 0, 0))],
    ['bytes after the key [guard: der-trailing]', 'DER is not in order', () => withByteAfter()],
    ['neither text nor DER', 'neither text nor DER', () => Uint8Array.of(0xff, 0xfe)],
  ])('is refused with %s', async (_name, why, make) => {
    await expect(importKeys(await make())).rejects.toEqual(refusal(why));
  });

  it('is refused with more than 64 KiB', async () => {
    await expect(importKeys(new Uint8Array(65_537))).rejects.toMatchObject({ code: 'payload_too_large' });
  });

  it('never makes anything but a CryptoError of bytes that are changed', async () => {
    const der = await exportKeys(keys.p256.slice(0, 1), { format: 'der', half: 'private' });
    const locked = await exportKeys(keys.p256.slice(0, 1), { format: 'der', half: 'public' });
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.nat(), fc.integer({ min: 1, max: 255 }), async (isPrivate, at, change) => {
        const bytes = (isPrivate ? der : locked).slice();
        bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ change;
        const read: unknown = await importKeys(bytes).catch((reason: unknown) => reason);
        expect(Array.isArray(read) || read instanceof CryptoError).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the key that is meant', () => {
  it('is the first to sign and the second to seal, in PEM', async () => {
    const read = await importKeys(await exportKeys(keys.p256.toReversed(), { format: 'pem', half: 'public' }));
    expect(verifyingKeyOf(read)).toMatchObject({ kid: keys.p256[0]?.kid, alg: 'ES256', use: 'sig' });
    expect(sealingKeyOf(read)).toMatchObject({ kid: keys.p256[1]?.kid, alg: 'ECDH-ES+A256KW', use: 'enc' });
  });

  it('is the only one, whatever it is asked for', async () => {
    const read = await importKeys(jwk('rsa2048'));
    expect(verifyingKeyOf(read).kid).toBe(sealingKeyOf(read).kid);
  });

  it('is not one that the file gives to another use, or that only signs', async () => {
    const [sig] = publicOnes(keys.p256);
    if (sig === undefined) throw new Error('no key');
    expect(() => keyFor([sig], 'enc')).toThrow(CryptoError);
    expect(() => keyFor([{ ...sig, use: 'enc' }], 'sig')).toThrow(CryptoError);
    const edwards = publicOnes(keys.ed25519).map((key) => ({ ...key, use: undefined }));
    expect(() => sealingKeyOf(edwards)).toThrow(expect.objectContaining({ code: 'key_invalid' }));
  });

  it('is named in hexadecimal and in eight words', async () => {
    // RFC 8037 appendix A.3.
    const [key] = await importKeys(
      json({ kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }),
    );
    if (key === undefined) throw new Error('no key');
    const { hex, words } = namesOf(key);
    expect(hex).toBe('90fa:cafe:a9b1:5566:9854:0f70:c011:7a22');
    expect(words.join(' ')).toBe('movie stone sausage fat best rebuild genuine limit');
  });
});

describe('what is not exported', () => {
  it('is a private half that is not there, two keys in DER, or a JWK under a passphrase', async () => {
    const half = 'private';
    await expect(exportKeys(publicOnes(keys.p256), { format: 'pem', half })).rejects.toEqual(refusal('public half'));
    await expect(exportKeys(keys.p256, { format: 'der', half })).rejects.toEqual(refusal('a DER file has one'));
    const options = { format: 'jwk', half, passphrase: passphrase() } as const;
    await expect(exportKeys(keys.p256, options)).rejects.toEqual(refusal('a JWK has no passphrase'));
  });
});

function ones(length: number): string {
  return encodeBase64url(new Uint8Array(length).fill(0xc1));
}

function block(label: string, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return utf8(formatPem({ label, bytes }));
}

async function rsaPem(modulusLength: number, exponent = 65_537): Promise<Uint8Array<ArrayBuffer>> {
  const publicExponent = exponent === 3 ? Uint8Array.of(3) : Uint8Array.of(1, 0, 1);
  const parameters = { name: 'RSA-PSS', hash: 'SHA-256', modulusLength, publicExponent };
  const { privateKey } = await crypto.subtle.generateKey(parameters, true, ['sign', 'verify']);
  return block('PRIVATE KEY', new Uint8Array(await crypto.subtle.exportKey('pkcs8', privateKey)));
}

async function curvePem(namedCurve: string): Promise<Uint8Array<ArrayBuffer>> {
  const { publicKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve }, true, ['sign', 'verify']);
  return block('PUBLIC KEY', new Uint8Array(await crypto.subtle.exportKey('spki', publicKey)));
}

async function offCurvePem(): Promise<Uint8Array<ArrayBuffer>> {
  const [pem] = parsePem(decodeUtf8(await exportKeys(keys.p256.slice(0, 1), { format: 'pem', half: 'public' })));
  const bytes = pem?.bytes ?? new Uint8Array(0);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  return block('PUBLIC KEY', bytes);
}

async function withByteAfter(): Promise<Uint8Array<ArrayBuffer>> {
  const der = await exportKeys(keys.p256.slice(0, 1), { format: 'der', half: 'public' });
  return Uint8Array.of(...der, 5, 0);
}

/** A private key with the public members of another. */
async function mixed(id: SuiteId, members: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
  const { publicJwk } = await keyPairOf('files, another', id, 'sig');
  const others = Object.entries(publicJwk).filter(([name]) => members.includes(name));
  return json({ ...keys[id][0]?.privateJwk, ...Object.fromEntries(others) });
}
