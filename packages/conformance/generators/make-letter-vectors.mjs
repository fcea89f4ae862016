/** Golden vectors of letters, valid and refused, with our code. */
import { encodeBase64url, generateKeyPair, loadSigner, sealingKeyOf, utf8 } from '@bulla/crypto';
import { keyMaterialOf } from '@bulla/crypto/key-files';
import { sealLetter } from '@bulla/crypto/letters';
import { publish } from './published.mjs';
import { jwe } from './raw-tokens.mjs';

/** 2026-11-25T12:00:00Z. */
const AT = 1_795_608_000;
const TEXT = 'Dear Alice,\n\nthe key lies under the third stone.\n\nBob\n';

/** People with private keys that are for tests only, and published on purpose. */
async function person(suite) {
  const [sig, enc] = [await generateKeyPair(suite, 'sig'), await generateKeyPair(suite, 'enc')];
  return {
    keys: { sig: sig.privateJwk, enc: enc.privateJwk },
    signer: await loadSigner(sig.privateJwk, sig.alg),
    sealing: sealingKeyOf([await keyMaterialOf(enc.publicJwk, 'enc')]),
  };
}
const people = {
  alice: await person('p256'),
  bob: await person('p256'),
  carol: await person('rsa2048'),
  dora: await person('rsa3072'),
};

const seal = (from, to, letter = {}) =>
  sealLetter({ content: utf8(TEXT), at: AT, name: 'letter.txt', ...letter }, people[from].signer, people[to].sealing);
const valid = async (name, from, to, letter = {}) => {
  const { content = utf8(TEXT), at = AT, name: file = 'letter.txt' } = letter;
  const token = await seal(from, to, letter);
  return {
    name,
    result: 'valid',
    opener: to,
    sender: from,
    token,
    content: encodeBase64url(content),
    at,
    ...('name' in letter && letter.name === undefined ? {} : { file }),
  };
};
const refused = (name, result, token) => ({ name, result, opener: 'alice', sender: 'bob', token });

/** An outer token around whatever, with changed members outside; undefined removes one. */
function outer(plaintext, changes = {}) {
  const { kid, alg } = people.alice.sealing;
  const header = { alg, enc: 'A256GCM', typ: 'bulla-letter+jwe', cty: 'bulla-letter+jws', kid };
  return jwe(utf8(plaintext), people.alice.keys.enc, header, changes);
}
/** An inner token as Bob signs it, with changed members inside. */
async function inner(changes = {}, by = people.bob.signer) {
  const aud = people.alice.sealing.kid;
  const header = { alg: by.alg, typ: 'bulla-letter+jws', kid: by.kid, aud, iat: AT, name: 'letter.txt', ...changes };
  const input = `${encodeBase64url(utf8(JSON.stringify(header)))}.${encodeBase64url(utf8(TEXT))}`;
  return `${input}.${encodeBase64url(await by.sign(utf8(input)))}`;
}
const inside = async (name, changes, by) => refused(name, 'open_failed', outer(await inner(changes, by)));
const flipped = (token, part) =>
  token
    .split('.')
    .map((text, index) => {
      if (index !== part) return text;
      const bytes = Buffer.from(text, 'base64url');
      bytes[0] ^= 1;
      return bytes.toString('base64url');
    })
    .join('.');
function outside(token, changes) {
  const [header, ...rest] = token.split('.');
  const members = { ...JSON.parse(Buffer.from(header, 'base64url').toString()), ...changes };
  return [Buffer.from(JSON.stringify(members)).toString('base64url'), ...rest].join('.');
}

const token = await seal('bob', 'alice');
const passedOn = await inner({ aud: people.carol.sealing.kid });
const none = (await inner({ alg: 'none' })).replace(/[^.]*$/, '');
const cases = [
  await valid('from Bob to Alice, P-256', 'bob', 'alice'),
  await valid('from Carol to Bob, RSA-2048 to P-256', 'carol', 'bob'),
  await valid('from Bob to Carol, P-256 to RSA-2048', 'bob', 'carol'),
  await valid('from Dora to Carol, RSA-3072 to RSA-2048', 'dora', 'carol'),
  await valid('from Carol to Dora, RSA-2048 to RSA-3072', 'carol', 'dora'),
  await valid('no name', 'bob', 'alice', { name: undefined }),
  await valid('no content', 'bob', 'alice', { content: new Uint8Array(0) }),
  await valid('bytes that are no text', 'bob', 'alice', { content: Uint8Array.from({ length: 256 }, (_, i) => i) }),
  await valid('a name of people', 'bob', 'alice', { name: 'Brief an Äneas, 2.txt' }),
  { ...refused('another key than the reader has', 'key_unknown', await seal('bob', 'carol')) },
  refused('somebody else signed it', 'open_failed', await seal('carol', 'alice')),
  refused('a flipped bit of the encrypted key', 'open_failed', flipped(token, 1)),
  refused('a flipped bit of the IV', 'open_failed', flipped(token, 2)),
  refused('a flipped bit of the ciphertext', 'open_failed', flipped(token, 3)),
  refused('a flipped bit of the tag', 'open_failed', flipped(token, 4)),
  refused('a letter to somebody else, passed on', 'open_failed', outer(passedOn)),
  refused('alg none inside', 'open_failed', outer(none)),
  await inside('another algorithm inside than the key has', { alg: 'PS256' }),
  await inside('another typ inside', { typ: 'JWT' }),
  await inside('another kid inside', { kid: people.carol.signer.kid }),
  await inside('a path for a name', { name: '../letter.txt' }),
  await inside('a name that a terminal would obey', { name: 'letter\u001b[2J.txt' }),
  await inside('a time that is none', { iat: 1.5 }),
  await inside('a key of its own inside', { jwk: { kty: 'EC' } }),
  await inside('crit inside', { crit: ['b64'], b64: false }),
  refused('a flipped bit of the signature', 'open_failed', outer(flipped(await inner(), 2))),
  refused('no signed letter inside', 'open_failed', outer(TEXT)),
  refused('another typ outside', 'token_malformed', outer(await inner(), { typ: 'bulla-grant+jwe' })),
  refused('no cty outside', 'token_malformed', outer(await inner(), { cty: undefined })),
  refused('apu outside', 'token_malformed', outside(token, { apu: 'Qm9i' })),
  refused('apv outside', 'token_malformed', outside(token, { apv: 'QWxpY2U' })),
  refused('no epk', 'token_malformed', outside(token, { epk: undefined })),
  refused(
    'an epk off the curve',
    'token_malformed',
    outside(token, { epk: { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) } }),
  ),
  refused('compression', 'token_malformed', outside(token, { zip: 'DEF' })),
  refused('A128GCM', 'token_malformed', outside(token, { enc: 'A128GCM' })),
  refused('four parts', 'token_malformed', token.slice(0, token.lastIndexOf('.'))),
  refused('the signed letter alone', 'token_malformed', await inner()),
  refused('padding', 'token_malformed', `${token}=`),
];

const keys = Object.fromEntries(Object.entries(people).map(([name, { keys: own }]) => [name, own]));
publish('golden/letter.json', { keys, cases }, 2);
