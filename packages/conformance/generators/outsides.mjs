/** The ways in which something sealed to a key is refused before or while it is opened, whatever the format. */
import { randomBytes } from 'node:crypto';
import { flipped, json, publicOf, withPart } from './raw-tokens.mjs';

const OTHER_ALG = { RSA: 'ECDH-ES+A256KW', EC: 'RSA-OAEP-256' };
const P384 = {
  kty: 'EC',
  crv: 'P-384',
  x: 'lInTxl8fjLKp_UCrxI0WDklahi-7-_6JbtiHjiRvMvhedhKVdHBfi2HCY8t_QJyc',
  y: 'y6N1IC-2mXxHreETBW7K3mBcw0qGr3CWHCs-yl09yCQRLcyfGv7XhqAngHOu51Zv',
};

/**
 * What is wrong on the outside, whatever is inside, with its code.
 * @param enc the recipient's private key.
 * @param seal makes a token to it with these members of the header changed.
 * @param stranger a P-256 key of somebody else.
 */
export function outsides(enc, seal, stranger) {
  const good = seal({});
  const [head, key, ...rest] = good.split('.');
  const header = JSON.parse(Buffer.from(head, 'base64url'));
  const respelled = (text) => withPart(good, 0, () => Buffer.from(text).toString('base64url'));
  const malformed = {
    'alg none': seal({ alg: 'none' }),
    'PKCS#1 v1.5': seal({ alg: 'RSA1_5' }),
    'RSA-OAEP with SHA-1': seal({ alg: 'RSA-OAEP' }),
    'dir, with an encrypted key': seal({ alg: 'dir' }),
    'ECDH-ES without a wrapped key': [json({ ...header, alg: 'ECDH-ES' }), '', ...rest].join('.'),
    'the algorithm of another kind of key': seal({ alg: OTHER_ALG[enc.kty] }),
    A128GCM: seal({ enc: 'A128GCM' }),
    'A256CBC-HS512': seal({ enc: 'A256CBC-HS512' }),
    'another typ': seal({ typ: 'bulla-other+jwe' }),
    'no kid': seal({ kid: undefined }),
    'a path for a kid': seal({ kid: '../keys/own' }),
    zip: seal({ zip: 'DEF' }),
    crit: seal({ crit: ['exp'], exp: 1_795_608_000 }),
    jwk: seal({ jwk: publicOf(enc) }),
    jku: seal({ jku: 'https://example.org/keys' }),
    x5u: seal({ x5u: 'https://example.org/keys' }),
    b64: seal({ b64: true }),
    p2c: seal({ p2c: 1 }),
    apu: seal({ apu: 'QQ' }),
    'an epk on P-384': seal({ epk: P384 }),
    ...(enc.kty === 'EC'
      ? {
          'no epk': seal({ epk: undefined }),
          'an epk off the curve': seal({ epk: { ...header.epk, y: header.epk.x } }),
          'an epk with a private member': seal({ epk: { ...header.epk, d: header.epk.x } }),
        }
      : { 'an epk that nobody needs': seal({ epk: publicOf(stranger) }) }),
    'a member twice': respelled(JSON.stringify(header).replace('{', '{"enc":"A256GCM",')),
    'white space in the header': respelled(JSON.stringify(header, null, 1)),
    'an escape that need not be': respelled(JSON.stringify(header).replace('A256GCM', '\\u0041256GCM')),
    'a byte order mark': respelled(`\ufeff${JSON.stringify(header)}`),
    'a header that is no object': respelled('[]'),
    'three parts': good.split('.').slice(0, 3).join('.'),
    'four parts': good.split('.').slice(0, 4).join('.'),
    'six parts': `${good}.${key}`,
    padding: `${good}==`,
    'a line feed at the end': `${good}\n`,
    'bits left over in the last character': withPart(good, 4, (text) => `${text.slice(0, -1)}${after(text.at(-1))}`),
    'an IV of 16 bytes': withPart(good, 2, () => randomBytes(16).toString('base64url')),
    'a tag of 12 bytes': withPart(good, 4, (text) => text.slice(0, 16)),
    'no encrypted key': withPart(good, 1, () => ''),
    nothing: '',
  };
  const closed = {
    'a flipped bit of the encrypted key': flipped(good, 1),
    'a flipped bit of the IV': flipped(good, 2),
    'a flipped bit of the ciphertext': flipped(good, 3),
    'a flipped bit of the tag': flipped(good, 4),
    'the encrypted key of another token': withPart(good, 1, () => seal({}).split('.')[1]),
    'a short encrypted key': withPart(good, 1, (text) => text.slice(0, 8)),
  };
  return [
    ...Object.entries(malformed).map(([name, token]) => [name, token, 'token_malformed']),
    ...Object.entries(closed).map(([name, token]) => [name, token, 'open_failed']),
  ];
}

/** A tag of 16 bytes ends with two bits of its last character, the others being zero. */
const after = (character) => String.fromCharCode(character.charCodeAt(0) + 1);
