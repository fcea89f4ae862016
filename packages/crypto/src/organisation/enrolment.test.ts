import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeBase64url, utf8 } from '../encoding/bytes.js';
import type { DeviceKey, EnrolmentKeys, InvitationCode } from './enrolment.js';
import {
  areEnrolmentWords,
  deviceKeyOf,
  encodeInvitationCode,
  enrolmentFingerprint,
  enrolmentMac,
  enrolmentTicket,
  enrolmentWords,
  isEnrolmentMac,
  newInvitationSecret,
  parseInvitationCode,
  ticketHash,
} from './enrolment.js';
import { CryptoError } from '../names/errors.js';
import { mintId } from '../names/ids.js';
import { generateKeyPair } from '../keys/signer.js';
import { keyPairOf } from '../testing/members.js';
import type { PublicJwk } from '../keys/suites.js';

const CODE: InvitationCode = {
  url: 'https://vault.acme.example',
  org: 'acme',
  pin: `sha256:${'0a'.repeat(32)}`,
  id: mintId('ivt'),
  secret: newInvitationSecret(),
};
const KEYS: EnrolmentKeys = { org: 'acme', invitation: CODE.id, sigKid: 's'.repeat(43), encKid: 'e'.repeat(43) };
const PLANTED = 'kestrel-planted-value';
const asCode = (text: string) => `bulla1_${encodeBase64url(utf8(text))}`;

/** What a function refuses with. */
function refusalOf(attempt: () => unknown): CryptoError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof CryptoError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

/** A code that reads, or the one way in which it does not; anything else thrown fails the test. */
function readOrRefusal(text: string): InvitationCode | 'token_malformed' {
  try {
    return parseInvitationCode(text);
  } catch (error) {
    if (error instanceof CryptoError && error.code === 'token_malformed') return error.code;
    throw error;
  }
}

describe('an invitation code', () => {
  it.each([
    'https://vault.acme.example',
    'https://vault.acme.example/bulla/',
    'http://127.0.0.1:4100',
    'http://[::1]:4100',
  ])('for %s is read as it was written', (url) => {
    const code = { ...CODE, url, secret: newInvitationSecret() };
    expect(parseInvitationCode(encodeInvitationCode(code))).toEqual(code);
    expect(parseInvitationCode(` ${encodeInvitationCode(code)}\n`)).toEqual(code);
  });

  it('is a word that terminals and shells leave alone', () => {
    expect(encodeInvitationCode(CODE)).toMatch(/^bulla1_[A-Za-z0-9_-]+$/);
  });

  const good = JSON.stringify(CODE);
  it.each<[string, string]>([
    ['nothing', ''],
    ['the prefix alone', 'bulla1_'],
    ['no prefix', encodeBase64url(utf8(good))],
    ['another prefix', asCode(good).replace('bulla1_', 'bulla2_')],
    ['a prefix in capitals', asCode(good).replace('bulla1_', 'BULLA1_')],
    ['padding', `${asCode(good)}=`],
    ['a character that is not base64url', `${asCode(good)}+`],
    ['a space in it', asCode(good).replace('_', '_ ')],
    ['another spelling of its last bits', asCode(`${good} `).slice(0, -1)],
    ['no JSON', asCode('{')],
    ['a list', asCode('[]')],
    ['spaces in its JSON', asCode(JSON.stringify(CODE, null, 1))],
    ['a member twice', asCode(good.replace('{', '{"org":"acme",'))],
    ['a member too many', asCode(JSON.stringify({ ...CODE, [PLANTED]: PLANTED }))],
    ['a member too few', asCode(JSON.stringify({ ...CODE, secret: undefined }))],
    ['more than 2,048 characters', asCode(JSON.stringify({ ...CODE, url: `https://a/${'a'.repeat(1_600)}` }))],
    ...Object.entries({
      url: [
        PLANTED,
        'ftp://a',
        'https://user:password@a',
        'https://a?b',
        'https://a#b',
        'http://[::1]74100/',
        'https://a:99999',
        `https://${'a'.repeat(600)}`,
      ],
      org: ['Acme', '', 'a:b', PLANTED.repeat(4)],
      pin: [PLANTED, '0a'.repeat(32), `sha256:${'0A'.repeat(32)}`],
      id: [mintId('enr'), CODE.id.toUpperCase(), PLANTED],
      secret: [PLANTED, '', `${CODE.secret}A`, CODE.secret.slice(1), `${CODE.secret.slice(1)}=`],
    }).flatMap(([member, values]) =>
      values.map((value): [string, string] => [
        `the ${member} ${JSON.stringify(value).slice(0, 40)}`,
        asCode(JSON.stringify({ ...CODE, [member]: value })),
      ]),
    ),
  ])('is refused with %s, and nothing of it is said', (_name, text) => {
    const error = refusalOf(() => parseInvitationCode(text));
    expect([error.code, error.message, error.cause]).toEqual([
      'token_malformed',
      'not an invitation code of Bulla',
      undefined,
    ]);
  });

  it('is refused with any change to any of its characters, or is another code', () => {
    const text = encodeInvitationCode(CODE);
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.constantFrom('A', 'a', '0', '_', '-', '=', '+', '/', ' ', '{'),
        (at, character) => {
          fc.pre(text[at] !== character);
          const changed = text.slice(0, at) + character + text.slice(at + 1);
          expect(readOrRefusal(changed)).not.toEqual(CODE);
        },
      ),
    );
  });
});

describe('a secret', () => {
  it('is 32 fresh bytes', () => {
    const secrets = Array.from({ length: 100 }, newInvitationSecret);
    for (const secret of secrets) expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(new Set(secrets).size).toBe(100);
  });

  it('gives another ticket and another hash than any other secret', async () => {
    const [one, two] = [newInvitationSecret(), newInvitationSecret()];
    const tickets = [await enrolmentTicket(one), await enrolmentTicket(two)];
    const hashes = await Promise.all(tickets.map(ticketHash));
    expect(new Set([one, two, ...tickets, ...hashes]).size).toBe(6);
    expect(await enrolmentTicket(one)).toBe(tickets[0]);
  });
});

describe('a mac', () => {
  const kid = fc.string({
    unit: fc.constantFrom('A', 'Z', 'a', 'z', '0', '9', '_', '-'),
    minLength: 43,
    maxLength: 43,
  });
  const secret = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => encodeBase64url(bytes));
  const keys = fc.record({
    org: fc.constantFrom('acme', 'other', 'a'),
    invitation: fc.nat().map((ms) => mintId('ivt', ms)),
    sigKid: kid,
    encKid: kid,
  });

  it('holds for its secret and keys, and for nothing that differs in any of them', async () => {
    await fc.assert(
      fc.asyncProperty(secret, secret, keys, keys, async (own, foreign, asked, others) => {
        fc.pre(own !== foreign && asked.sigKid !== asked.encKid);
        const mac = await enrolmentMac(own, asked);
        expect(await isEnrolmentMac(mac, own, asked)).toBe(true);
        expect(await isEnrolmentMac(mac, foreign, asked)).toBe(false);
        const swapped = { ...asked, sigKid: asked.encKid, encKid: asked.sigKid };
        expect(await isEnrolmentMac(mac, own, swapped)).toBe(false);
        for (const member of ['org', 'invitation', 'sigKid', 'encKid'] as const) {
          if (others[member] === asked[member]) continue;
          expect(await isEnrolmentMac(mac, own, { ...asked, [member]: others[member] })).toBe(false);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('holds in no other length or spelling', async () => {
    const mac = await enrolmentMac(CODE.secret, KEYS);
    expect(mac).toMatch(/^[A-Za-z0-9_-]{43}$/);
    for (const other of [
      mac.slice(0, 42).replace(/.$/, 'A'),
      `${mac.slice(0, 42)}AAAAAA`,
      'AA',
      '',
      `${mac}=`,
      `${mac.slice(0, 42)}_`,
      '!',
    ]) {
      expect(await isEnrolmentMac(other, CODE.secret, KEYS)).toBe(false);
    }
  });

  it.each([
    ['too short', 's'.repeat(42)],
    ['with the sign that divides', `${'s'.repeat(42)}|`],
    ['that is none', PLANTED],
  ])('is not made over a thumbprint %s', async (_name, sigKid) => {
    const attempts = [
      enrolmentMac(CODE.secret, { ...KEYS, sigKid }),
      isEnrolmentMac('AA', CODE.secret, { ...KEYS, sigKid }),
      enrolmentWords({ ...KEYS, sigKid }),
      enrolmentFingerprint({ ...KEYS, encKid: sigKid }),
    ];
    for (const attempt of attempts) {
      await expect(attempt).rejects.toMatchObject({ code: 'token_malformed', message: 'not the thumbprint of a key' });
    }
  });
});

describe('the eight words', () => {
  it('are those of both keys in their order', async () => {
    const words = await enrolmentWords(KEYS);
    expect(words).toHaveLength(8);
    for (const word of words) expect(word).toMatch(/^[a-z]{3,8}$/);
    const all = [
      words,
      await enrolmentWords({ sigKid: KEYS.encKid, encKid: KEYS.sigKid }),
      await enrolmentWords({ ...KEYS, sigKid: 'x'.repeat(43) }),
      await enrolmentWords({ ...KEYS, encKid: 'x'.repeat(43) }),
    ];
    expect(new Set(all.map((eight) => eight.join(' '))).size).toBe(4);
  });

  it('may be typed in capitals and with any spaces, and not otherwise', async () => {
    const words = await enrolmentWords(KEYS);
    const text = words.join(' ');
    for (const typed of [text, text.toUpperCase(), `  ${words.join('\t ')}\n`]) {
      expect([typed, await areEnrolmentWords(typed, KEYS)]).toEqual([typed, true]);
    }
    const wrong = [
      '',
      words.slice(0, 7).join(' '),
      `${text} ${words[0] ?? ''}`,
      words.toReversed().join(' '),
      words.join('-'),
      text.slice(0, -1),
    ];
    for (const typed of wrong) expect([typed, await areEnrolmentWords(typed, KEYS)]).toEqual([typed, false]);
  });
});

describe('a key that a device brings', () => {
  const rsa: Record<'sig' | 'enc' | 'strong', { jwk: Extract<PublicJwk, { kty: 'RSA' }>; alg: string; kid: string }> =
    {} as never;
  beforeAll(async () => {
    const make = async (suite: 'rsa2048' | 'rsa3072', use: 'sig' | 'enc') => {
      const { kid, alg, publicJwk } = await keyPairOf('enrolment', suite, use);
      if (publicJwk.kty !== 'RSA') throw new Error('an RSA key is wanted');
      return { kid, alg, jwk: publicJwk };
    };
    rsa.sig = await make('rsa2048', 'sig');
    rsa.enc = await make('rsa2048', 'enc');
    rsa.strong = await make('rsa3072', 'enc');
  });

  it('has the suite of its length and the name of its thumbprint', async () => {
    const { sig, enc, strong } = rsa;
    const expected = ({ kid, jwk }: typeof sig, rest: Omit<DeviceKey, 'kid' | 'jwk'>) => ({ kid, jwk, ...rest });
    expect(await deviceKeyOf(sig, 'sig')).toEqual(expected(sig, { use: 'sig', alg: 'PS256', suite: 'rsa2048' }));
    expect(await deviceKeyOf(enc, 'enc')).toEqual(expected(enc, { use: 'enc', alg: 'RSA-OAEP-256', suite: 'rsa2048' }));
    expect(await deviceKeyOf(strong, 'enc')).toMatchObject({ kid: strong.kid, suite: 'rsa3072' });
  });

  it.each<[string, string, () => { jwk: unknown; alg: string }]>([
    ['for encryption', 'key_invalid', () => ({ ...rsa.sig, alg: 'RSA-OAEP-256' })],
    ['for RS256', 'key_invalid', () => ({ ...rsa.sig, alg: 'RS256' })],
    ['for no algorithm', 'key_invalid', () => ({ ...rsa.sig, alg: 'none' })],
    ['with an exponent of 3', 'token_malformed', () => ({ ...rsa.sig, jwk: { ...rsa.sig.jwk, e: 'Aw' } })],
    ['with a private member', 'token_malformed', () => ({ ...rsa.sig, jwk: { ...rsa.sig.jwk, d: 'AQAB' } })],
    ['with an algorithm of its own', 'token_malformed', () => ({ ...rsa.sig, jwk: { ...rsa.sig.jwk, alg: 'PS256' } })],
    ['with a leading zero', 'key_invalid', () => ({ ...rsa.sig, jwk: { ...rsa.sig.jwk, n: 'A'.repeat(342) } })],
    ['of 1,024 bits', 'key_invalid', () => ({ ...rsa.sig, jwk: { ...rsa.sig.jwk, n: `x${'A'.repeat(170)}` } })],
    ['of 4,096 bits', 'key_invalid', () => ({ ...rsa.sig, jwk: { ...rsa.sig.jwk, n: `x${'A'.repeat(682)}` } })],
    ['of no length', 'token_malformed', () => ({ ...rsa.sig, jwk: { ...rsa.sig.jwk, n: '' } })],
    ['that is none', 'token_malformed', () => ({ ...rsa.sig, jwk: PLANTED })],
  ])('to sign is refused %s', async (_name, code, make) => {
    await expect(deviceKeyOf(make(), 'sig')).rejects.toMatchObject({ code });
  });

  it('is refused on a curve, in the suite for documents too', async () => {
    const { publicJwk: jwk } = await generateKeyPair('ed25519', 'sig');
    await expect(deviceKeyOf({ jwk, alg: 'Ed25519' }, 'sig')).rejects.toMatchObject({ code: 'key_invalid' });
    await expect(deviceKeyOf({ jwk, alg: 'PS256' }, 'sig')).rejects.toMatchObject({ code: 'key_invalid' });
  });
});
