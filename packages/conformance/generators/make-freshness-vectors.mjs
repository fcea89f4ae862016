/**
 * Vectors of what renewers say, of positions of labels and of directories, valid and refused. The organisation is of
 * `@bulla/crypto/testing`; the tokens are made with `node:crypto`, by docs/spec/freshness.md.
 */
import { createHash } from 'node:crypto';
import { generateKeyPair, mintId } from '@bulla/crypto';
import { makeOrganisation } from '@bulla/crypto/testing';
import { isPublished, publish } from './published.mjs';
import { flipped, jws, withPart } from './raw-tokens.mjs';
import { signatures } from './signatures.mjs';

const NOW = 1_800_000_000;
const DAY = 86_400;
const FRESH = 5 * DAY;
const hashOf = (text) => createHash('sha256').update(text).digest('base64url');
const PLACE = { name: 'claims/triage', label: 'production', seq: 41, pos: hashOf('a position') };

/** Keys of the two renewers. The second has old ones too, and one that it lost. */
const KEYS = {
  http: { suite: 'ed25519', pur: 'http' },
  fresh: { suite: 'rsa2048', pur: 'fresh' },
  secondHttp: { suite: 'ed25519', pur: 'http' },
  secondFresh: { suite: 'ed25519', pur: 'fresh' },
  before: { suite: 'ed25519', pur: 'fresh', use_until: NOW - DAY },
  ended: { suite: 'ed25519', pur: 'fresh', use_until: NOW - DAY, end: NOW - 60 },
  early: { suite: 'ed25519', pur: 'fresh', nbf: NOW + 60 },
  lost: { suite: 'ed25519', pur: 'fresh' },
  p256: { suite: 'p256', pur: 'fresh' },
};
const FIRST = ['http', 'fresh'];

async function makeKeys() {
  const made = Object.entries(KEYS).map(async ([name, { suite, pur, ...times }]) => {
    const { kid, alg, publicJwk: jwk, privateJwk } = await generateKeyPair(suite, 'sig');
    const life = { nbf: NOW - 30 * DAY, use_until: NOW + 335 * DAY, end: NOW + 3650 * DAY, ...times };
    return [name, { kid, alg, privateJwk, record: { kid, use: 'sig', alg, suite, pur: [pur], ...life, jwk } }];
  });
  return Object.fromEntries(await Promise.all(made));
}

const renewer = (keys, names) => ({
  kind: 'device',
  user: `urn:bulla:acme:user:${mintId('usr')}`,
  roles: ['renewer'],
  groups: [],
  keys: names.map((name) => keys[name].record),
});

/** An organisation whose third directory lists two renewers. */
async function make() {
  const keys = await makeKeys();
  const suites = ['rsa2048', 'ed25519'];
  const made = await makeOrganisation({ suite: 'rsa2048', now: NOW, policy: { suites, fresh_days: 5 } });
  const urns = [`urn:bulla:acme:dev:${mintId('dev')}`, `urn:bulla:acme:dev:${mintId('dev')}`];
  await made.publish();
  await made.publish((draft) => {
    draft.entities[urns[0]] = renewer(keys, FIRST);
    const later = Object.keys(keys).filter((name) => !FIRST.includes(name));
    draft.entities[urns[1]] = renewer(keys, later);
    draft.revoked = [{ kid: keys.lost.kid, reason: 'keyCompromise', at: NOW }];
  });
  return { made, keys, urns, stranger: await generateKeyPair('rsa2048', 'sig') };
}

/** What is right or wrong about every word of a renewer. */
function casesOf({ made, keys, urns, stranger }, format, { typ, place, otherTyp, dirs }) {
  const { org, pin, documents, hashes } = made;
  const [first, second] = urns;
  const dir = (version, hash = hashes.hashes[version - 1]) => ({ ver: version, hash });
  const claims = {
    iss: first,
    aud: 'urn:bulla:acme',
    ...place.claims,
    dir: dir(3),
    iat: NOW - 3600,
    exp: NOW + 6 * DAY,
  };
  const right = { ...claims, purpose: place.purpose };
  const by = (name, changes = {}, header = {}) => {
    const { kid, alg, privateJwk } = keys[name];
    return jws(JSON.stringify({ ...right, ...changes }), privateJwk, { alg, typ, kid, ...header });
  };
  const cases = [];
  const input = (token) => ({ token, ...place.input, organisation: '@organisation', hashes: '@hashes', now: NOW });
  const good = (name, token, until, changes = {}) =>
    cases.push({ op: 'verify', name, input: { ...input(token), ...changes }, expected: { ok: { until } } });
  const bad = (name, token, refused, check, changes = {}) =>
    cases.push({
      op: 'verify',
      name,
      input: { ...input(token), ...changes },
      expected: { refused, ...(check && { check }) },
    });
  const of2 = { iss: second };
  good('a renewer with an RSA key', by('fresh'), claims.iat + FRESH);
  good('a renewer with an Ed25519 key', by('secondFresh', of2), claims.iat + FRESH);
  good('a word that ends by itself', by('fresh', { exp: NOW + DAY }), NOW + DAY);
  good('the last second', by('fresh', { iat: NOW - FRESH + 1, exp: NOW + DAY }), NOW + 1);
  good('a minute ahead', by('fresh', { iat: NOW + 60 }), NOW + 60 + FRESH);
  good('a week', by('fresh', { iat: NOW, exp: NOW + 7 * DAY }), NOW + FRESH);
  good(
    'a key that signs no more, in its time',
    by('before', { ...of2, iat: NOW - DAY - 1, exp: NOW + DAY }),
    NOW + DAY,
  );
  const late = { ...of2, iat: NOW - DAY };
  bad('a key that signs no more, after its time', by('before', late), 'key_revoked', 'fresh-key-time');
  bad('a key past its end', by('ended', { ...of2, iat: NOW - DAY - 1, exp: NOW + DAY }), 'key_revoked', 'fresh-key');
  bad('a key before its time', by('early', of2), 'key_revoked', 'fresh-key');
  bad('a revoked key', by('lost', of2), 'key_revoked', 'fresh-key');
  bad('a suite that the policy does not list', by('p256', of2), 'suite_unknown', 'fresh-key');
  bad('a key that is not for freshness', by('http'), 'key_unknown', 'fresh-key');
  bad('an issuer who does not hold the key', by('fresh', of2), 'envelope_tampered', 'fresh-issuer');
  bad('another organisation', by('fresh', { aud: 'urn:bulla:globex' }), 'envelope_tampered', 'fresh-audience');
  bad('a life over a week', by('fresh', { iat: NOW, exp: NOW + 7 * DAY + 1 }), 'token_malformed', 'fresh-life');
  bad('an end before its beginning', by('fresh', { iat: NOW, exp: NOW }), 'token_malformed', 'fresh-life');
  bad('more than a minute ahead', by('fresh', { iat: NOW + 61 }), 'clock_skew', 'fresh-issued');
  bad('an end that has come', by('fresh', { exp: NOW }), 'trust_expired', 'fresh-expiry');
  const old = { iat: NOW - FRESH, exp: NOW + DAY };
  bad('past the days of the policy, whatever end it states', by('fresh', old), 'trust_expired', 'fresh-expiry');
  bad('a newer directory', by('fresh', { dir: dir(4, hashOf('4')) }), 'key_unknown', 'fresh-newer');
  const newer = by('fresh', { dir: dir(4, hashOf('4')) }, { kid: hashOf('a key') });
  bad('a newer directory that lists other keys', newer, 'key_unknown', 'fresh-newer');
  for (const version of [1, 2, 3]) {
    const forked = by('fresh', { dir: dir(version, hashOf('a fork')) });
    bad(`another directory ${version}`, forked, 'trust_rollback', 'fresh-fork');
  }
  const unknown = by('fresh', { dir: dir(1) });
  bad('a directory that nothing shows to have led here', unknown, 'trust_rollback', 'fresh-chain', {
    hashes: undefined,
  });
  dirs({ good, bad, by, dir, until: claims.iat + FRESH });
  place.others({ bad, by });
  bad('version 0 of the directory', by('fresh', { dir: dir(0, hashOf('0')) }), 'token_malformed');
  bad('no directory', by('fresh', { dir: undefined }), 'token_malformed');
  bad('an issuer that is no name', by('fresh', { iss: 'renewer' }), 'token_malformed');
  bad('the purpose of the other', by('fresh', { purpose: place.otherPurpose }), 'token_malformed');
  bad('the type of the other', by('fresh', {}, { typ: otherTyp }), 'token_malformed');
  bad('the type of a tag', by('fresh', {}, { typ: 'bulla-tag+jwt' }), 'token_malformed');
  bad(
    'a changed signature by an Ed25519 key',
    flipped(by('secondFresh', of2), 2),
    'signature_invalid',
    'fresh-signature',
  );
  const shortened = withPart(by('secondFresh', of2), 2, (part) =>
    Buffer.from(part, 'base64url').subarray(1).toString('base64url'),
  );
  bad('a signature too short by an Ed25519 key', shortened, 'signature_invalid', 'fresh-signature');
  const signer = { sig: keys.fresh };
  const other = { sig: made.owner.sig };
  const all = signatures('rsa2048', { claims: right, typ, signer, other, stranger });
  const checks = { signature_invalid: 'fresh-signature', key_unknown: 'fresh-key' };
  for (const code of ['signature_invalid', 'key_unknown', 'token_malformed'])
    for (const [name, token] of Object.entries(all[code]))
      if (token !== undefined) bad(name, token, code, checks[code]);
  const values = { organisation: { org, pin, documents }, hashes };
  return { format, values, cases: cases.map((one) => JSON.parse(JSON.stringify(one))) };
}

const { label, ...numbered } = PLACE;
const LABEL = {
  typ: 'bulla-fresh+jwt',
  otherTyp: 'bulla-directory-fresh+jwt',
  place: {
    claims: { name: PLACE.name, tag: label, seq: PLACE.seq, pos: PLACE.pos },
    input: { ...numbered, label },
    purpose: 'tag.fresh',
    otherPurpose: 'directory.fresh',
    others({ bad, by }) {
      const place = 'fresh-position';
      bad('another name', by('fresh', { name: 'claims/other' }), 'envelope_tampered', place);
      bad('another label', by('fresh', { tag: 'latest' }), 'envelope_tampered', place);
      bad('the position before', by('fresh', { seq: 40, pos: hashOf('before') }), 'envelope_tampered', place);
      bad('another position of the same number', by('fresh', { pos: hashOf('a fork') }), 'envelope_tampered', place);
      bad('number 0', by('fresh', { seq: 0 }), 'token_malformed');
      bad('no position', by('fresh', { pos: '' }), 'token_malformed');
      bad('a label that is none', by('fresh', { tag: 'Production' }), 'token_malformed');
    },
  },
  dirs({ good, by, dir, until }) {
    good('the directory before', by('fresh', { dir: dir(2) }), until);
    good('the directory before, without the hashes', by('fresh', { dir: dir(2) }), until, { hashes: undefined });
    good('the first directory', by('fresh', { dir: dir(1) }), until);
  },
};
const DIRECTORY = {
  typ: 'bulla-directory-fresh+jwt',
  otherTyp: 'bulla-fresh+jwt',
  place: { claims: {}, input: {}, purpose: 'directory.fresh', otherPurpose: 'tag.fresh', others() {} },
  dirs({ bad, by, dir }) {
    bad('the directory before', by('fresh', { dir: dir(2) }), 'envelope_tampered', 'fresh-directory');
    bad('the first directory', by('fresh', { dir: dir(1) }), 'envelope_tampered', 'fresh-directory');
  },
};

const FILES = { 'label-freshness': LABEL, 'directory-freshness': DIRECTORY };
for (const [format, of] of Object.entries(FILES)) {
  if (isPublished(`${format}.json`)) continue;
  publish(`${format}.json`, casesOf(await make(), format, of));
}
