import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeBase64url, encodeBase64url } from '../encoding/bytes.js';
import { fingerprint } from './fingerprint.js';
import type { KeyRecord, KeyState, KeyUsage, TokenKey } from './keys.js';
import {
  checkKeyRecord,
  isUsable,
  keyFileSchema,
  keyRecordSchema,
  keyState,
  keyThumbprint,
  privateJwkOf,
  publicKeyOf,
} from './keys.js';
import { generateKeyPair } from './signer.js';
import { keyPairOf, makeDevice } from '../testing/members.js';
import type { PublicJwk } from './suites.js';
import { checkPublicJwk, publicJwkOf } from './suites.js';

const TIMES = { nbf: 1000, use_until: 2000, end: 3000 };
/** A valid record of each kind. */
const records: Record<'rsaSig' | 'rsaEnc' | 'strong' | 'edwards' | 'checkpoint', KeyRecord> = {} as never;

beforeAll(async () => {
  const make = async (suite: KeyRecord['suite'], use: 'sig' | 'enc', pur: KeyRecord['pur']): Promise<KeyRecord> => {
    const { kid, alg, publicJwk: jwk } = await keyPairOf('keys', suite, use);
    return { kid, use, alg, suite, pur, ...TIMES, jwk };
  };
  records.rsaSig = await make('rsa2048', 'sig', ['http', 'reply']);
  records.rsaEnc = await make('rsa2048', 'enc', ['unwrap']);
  records.strong = await make('rsa3072', 'sig', ['http']);
  records.edwards = await make('ed25519', 'sig', ['http']);
  records.checkpoint = await make('ed25519', 'sig', ['checkpoint']);
});

describe('a key record', () => {
  it.each(['rsaSig', 'rsaEnc', 'strong', 'edwards', 'checkpoint'] as const)(
    'of kind %s is one key of one suite',
    async (name) => {
      expect(keyRecordSchema.safeParse(records[name]).success).toBe(true);
      await expect(checkKeyRecord(records[name])).resolves.toBeUndefined();
    },
  );

  it.each<[string, keyof typeof records, () => Partial<KeyRecord>]>([
    ['the algorithm of another suite [guard: key-algorithm]', 'rsaSig', () => ({ alg: 'Ed25519' })],
    ['the algorithm of another use', 'rsaSig', () => ({ alg: 'RSA-OAEP-256' })],
    ['another suite [guard: key-modulus]', 'rsaSig', () => ({ suite: 'rsa3072' })],
    ['the suite of another type', 'edwards', () => ({ suite: 'rsa2048', alg: 'PS256' })],
    ['an RSA key in the suite of Edwards keys', 'rsaSig', () => ({ suite: 'ed25519', alg: 'Ed25519' })],
    ['sealing in a suite that only signs', 'edwards', () => ({ use: 'enc', alg: 'RSA-OAEP-256', pur: ['unwrap'] })],
    ['a signing key that unwraps [guard: key-use]', 'rsaSig', () => ({ pur: ['unwrap'] })],
    ['a sealing key that signs', 'rsaEnc', () => ({ pur: ['unwrap', 'http'] })],
    ['one purpose twice', 'rsaSig', () => ({ pur: ['http', 'http'] })],
    [
      'checkpoints beside something else [guard: key-checkpoint-alone]',
      'checkpoint',
      () => ({ pur: ['checkpoint', 'http'] }),
    ],
    ['checkpoints of another suite [guard: key-checkpoint-suite]', 'strong', () => ({ pur: ['checkpoint'] })],
    ['the number of a log at a key that signs no checkpoints [guard: key-log-purpose]', 'edwards', () => ({ log: 2 })],
    ['checkpoints under a key that is sealed to', 'rsaEnc', () => ({ pur: ['checkpoint'] })],
    ['an end before its use ends', 'rsaSig', () => ({ end: 1999 })],
    ['a use that ends before it starts', 'rsaSig', () => ({ use_until: 999 })],
    ['the kid of another key [guard: kid-thumbprint]', 'rsaSig', () => ({ kid: records.strong.kid })],
    ['the key of another kid', 'strong', () => ({ jwk: records.rsaSig.jwk, suite: 'rsa2048' })],
  ])('refuses %s', async (_name, of, changes) => {
    await expect(checkKeyRecord({ ...records[of], ...changes() })).rejects.toMatchObject({ code: 'key_invalid' });
  });

  it('may end the second it starts', async () => {
    await expect(checkKeyRecord({ ...records.rsaSig, nbf: 5, use_until: 5, end: 5 })).resolves.toBeUndefined();
  });

  it('refuses an unknown suite', async () => {
    const record = { ...records.rsaSig, suite: 'constructor' } as unknown as KeyRecord;
    await expect(checkKeyRecord(record)).rejects.toMatchObject({ code: 'suite_unknown' });
  });

  it.each<[string, () => Record<string, unknown>]>([
    ['a kid that is too short', () => ({ kid: 'abc' })],
    ['a kid with a path', () => ({ kid: '../'.padEnd(43, 'A') })],
    ['no purpose', () => ({ pur: [] })],
    ['an unknown purpose', () => ({ pur: ['root'] })],
    ['a negative time', () => ({ nbf: -1 })],
    ['a fractional time', () => ({ end: 3000.5 })],
    ['exponent 3 [guard: key-exponent]', () => ({ jwk: { ...records.rsaSig.jwk, e: 'Aw' } })],
    ['exponent 1 [refuses: rsa-exponent]', () => ({ jwk: { ...records.rsaSig.jwk, e: 'AQ' } })],
    ['a private exponent', () => ({ jwk: { ...records.rsaSig.jwk, d: 'AAAA' } })],
    ['an alg within its key', () => ({ jwk: { ...records.rsaSig.jwk, alg: 'RS256' } })],
    ['a symmetric key', () => ({ jwk: { kty: 'oct', k: 'AAAA' } })],
    ['an X25519 key [refuses: wrong-curve]', () => ({ jwk: { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) } })],
    [
      'a P-384 key [refuses: wrong-curve]',
      () => ({ jwk: { kty: 'EC', crv: 'P-384', x: 'A'.repeat(64), y: 'A'.repeat(64) } }),
    ],
    ['a further member', () => ({ x5c: [] })],
  ])('has no %s', (_name, changes) => {
    expect(keyRecordSchema.safeParse({ ...records.rsaSig, ...changes() }).success).toBe(false);
  });
});

describe('a public key', () => {
  it.each([512, 1024, 1536, 4096, 8192])('of %i RSA bits is refused [refuses: rsa-bits]', (bits) => {
    const n = encodeBase64url(new Uint8Array(bits / 8).fill(0xc1));
    expect(() => checkPublicJwk({ kty: 'RSA', n, e: 'AQAB' }, 'rsa2048')).toThrow(
      expect.objectContaining({ code: 'key_invalid' }),
    );
    expect(() => checkPublicJwk({ kty: 'RSA', n, e: 'AQAB' }, 'rsa3072')).toThrow(
      expect.objectContaining({ code: 'key_invalid' }),
    );
  });

  it('of 2047 RSA bits in 256 bytes is refused', () => {
    const n = encodeBase64url(new Uint8Array(256).fill(0x41));
    expect(() => checkPublicJwk({ kty: 'RSA', n, e: 'AQAB' }, 'rsa2048')).toThrow(
      expect.objectContaining({ code: 'key_invalid' }),
    );
  });

  it('with a leading zero would have a second thumbprint, and is refused [guard: key-leading-zero]', async () => {
    const { jwk } = records.rsaSig;
    if (jwk.kty !== 'RSA') throw new Error('not an RSA key');
    const padded: PublicJwk = { ...jwk, n: encodeBase64url(Uint8Array.of(0, ...decodeBase64url(jwk.n))) };
    expect(await keyThumbprint(padded)).not.toBe(records.rsaSig.kid);
    expect(() => checkPublicJwk(padded, 'rsa2048')).toThrow(expect.objectContaining({ code: 'key_invalid' }));
  });

  it.each([
    ['order 1 [guard: key-small-order]', '0100000000000000000000000000000000000000000000000000000000000000'],
    ['order 1, the sign set', '0100000000000000000000000000000000000000000000000000000000000080'],
    ['order 2', 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
    ['order 4', '0000000000000000000000000000000000000000000000000000000000000000'],
    ['order 4, the sign set', '0000000000000000000000000000000000000000000000000000000000000080'],
    ['order 8 [refuses: small-order]', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'],
    ['order 8, the sign set', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85'],
    ['order 8, the other', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
    [
      'order 4 in a second spelling [guard: key-canonical-point]',
      'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    ],
    ['order 1 in a second spelling', 'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'],
    ['the largest y there is', 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'],
  ])('on Edwards25519 of %s is refused', (_name, hex) => {
    const x = Buffer.from(hex, 'hex').toString('base64url');
    expect(() => checkPublicJwk({ kty: 'OKP', crv: 'Ed25519', x }, 'ed25519')).toThrow(
      expect.objectContaining({ code: 'key_invalid' }),
    );
  });

  it('on Edwards25519 just below the field is accepted', () => {
    const x = Buffer.from(`eb${'ff'.repeat(30)}7f`, 'hex').toString('base64url');
    expect(() => checkPublicJwk({ kty: 'OKP', crv: 'Ed25519', x }, 'ed25519')).not.toThrow();
  });

  it.each([
    ['31 bytes', 'key_invalid', 'A'.repeat(42)],
    ['bits beyond its bytes', 'token_malformed', `${'A'.repeat(42)}B`],
  ])('on Edwards25519 with %s is refused', (_name, code, x) => {
    expect(() => checkPublicJwk({ kty: 'OKP', crv: 'Ed25519', x }, 'ed25519')).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it('is imported once', () => {
    expect(publicKeyOf(records.rsaSig)).toBe(publicKeyOf(records.rsaSig));
  });

  it('that the platform does not take is refused', async () => {
    const record = { ...records.rsaSig, jwk: { kty: 'RSA', n: 'AAAA', e: 'AQAB' } as const, alg: 'Ed25519' as const };
    await expect(publicKeyOf(record)).rejects.toMatchObject({ code: 'key_invalid' });
  });
});

describe('the state of a key', () => {
  const record = () => ({ ...records.rsaSig, ...TIMES });

  it.each<[number, KeyState]>([
    [0, 'pending'],
    [999, 'pending'],
    [1000, 'active'],
    [1999, 'active'],
    [2000, 'deactivated'],
    [2999, 'deactivated'],
    [3000, 'ended'],
    [1_000_000, 'ended'],
  ])('at %i is %s', (now, state) => {
    expect(keyState(record(), false, now)).toBe(state);
    expect(keyState(record(), true, now)).toBe('revoked');
  });

  it('never goes back as time passes', () => {
    const order: KeyState[] = ['pending', 'active', 'deactivated', 'ended'];
    const time = fc.integer({ min: 0, max: 100 });
    fc.assert(
      fc.property(fc.tuple(time, time, time), time, time, (times, one, other) => {
        const [nbf, use_until, end] = times.toSorted((left, right) => left - right) as [number, number, number];
        const at = (now: number) => order.indexOf(keyState({ ...record(), nbf, use_until, end }, false, now));
        expect(at(Math.min(one, other))).toBeLessThanOrEqual(at(Math.max(one, other)));
      }),
    );
  });

  // Columns: pending, active, 300 s past its use, 301 s past, deactivated, ended.
  const moments = [999, 1000, 2300, 2301, 2999, 3000];
  it.each<[KeyUsage, boolean[]]>([
    ['http', [false, true, false, false, false, false]],
    ['encrypt', [false, true, false, false, false, false]],
    ['envelope', [false, true, true, false, false, false]],
    ['invocation', [false, true, true, false, false, false]],
    ['durable', [false, true, true, true, true, false]],
  ])('decides whether it is usable for %s', (usage, usable) => {
    expect(moments.map((now) => isUsable(record(), usage, false, now))).toEqual(usable);
    expect(moments.some((now) => isUsable(record(), usage, true, now))).toBe(false);
  });

  it('ends the grace of envelopes with the key', () => {
    const short = { ...record(), end: 2100 };
    expect(isUsable(short, 'envelope', false, 2099)).toBe(true);
    expect(isUsable(short, 'envelope', false, 2100)).toBe(false);
  });
});

describe('names of keys', () => {
  it('are RFC 7638 thumbprints', async () => {
    // RFC 8037 appendix A.3.
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' } as const;
    expect(await keyThumbprint(jwk)).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
  });

  it('are the same for both halves', async () => {
    const { publicJwk, privateJwk, kid } = await generateKeyPair('ed25519', 'sig');
    expect([await keyThumbprint(publicJwk), await keyThumbprint(privateJwk)]).toEqual([kid, kid]);
  });

  it('are shown as eight groups of four digits', () => {
    expect(fingerprint('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')).toBe('90fa:cafe:a9b1:5566:9854:0f70:c011:7a22');
  });
});

it('reads the key file of a device', async () => {
  const { keyFile } = await makeDevice({ org: 'acme', suite: 'rsa2048', now: 0 }, 'device', {
    roles: ['invoker'],
    groups: [],
  });
  expect(keyFileSchema.safeParse(keyFile).success).toBe(true);
  expect(keyFileSchema.safeParse({ ...keyFile, v: 2 }).success).toBe(false);
  expect(keyFileSchema.safeParse({ ...keyFile, keys: [] }).success).toBe(false);
});

describe('a key of a file that is in a token', () => {
  const token = 'pkcs11:token=bulla;object=vault?module-path=/m&pin-source=file:/p';
  const inToken = () => {
    const { kid, suite, jwk } = records.strong;
    return { kid, use: 'sig', alg: 'PS256', suite, pur: ['http', 'envelope'], jwk, token };
  };
  const isFile = (...keys: object[]) =>
    keyFileSchema.safeParse({ v: 1, org: 'acme', urn: 'urn:bulla:acme:svc:vault', keys }).success;

  it('stands there with its public half and where it is', async () => {
    const { privateJwk: jwk, alg } = await keyPairOf('keys', 'rsa3072', 'sig');
    expect(isFile(inToken())).toBe(true);
    expect(isFile(inToken(), { ...inToken(), token: undefined })).toBe(false);
    const local = { ...inToken(), alg, jwk };
    expect(isFile(local)).toBe(false);
    delete (local as { token?: string }).token;
    expect(isFile(local)).toBe(true);
  });

  it.each([
    ['a place that is no URI of a token', { token: 'file:/key' }],
    ['an algorithm of other keys', { alg: 'ES256' }],
    ['keys that are sealed to', { use: 'enc', alg: 'RSA-OAEP-256', pur: ['unwrap'] }],
  ])('does not stand there with %s', (_what, changes) => expect(isFile({ ...inToken(), ...changes })).toBe(false));

  it('has no private half here [guard: key-in-token]', async () => {
    const { kid, privateJwk: jwk } = await keyPairOf('keys', 'rsa3072', 'sig');
    const facts = { kid, use: 'sig', alg: 'PS256', suite: 'rsa3072', pur: ['http'] } as const;
    expect(privateJwkOf({ ...facts, pur: ['http'], jwk })).toBe(jwk);
    const key = { ...facts, pur: ['http' as const], jwk: publicJwkOf(jwk) as TokenKey['jwk'], token };
    expect(() => privateJwkOf(key)).toThrow(/in a token, and only a service signs by those/);
  });
});
