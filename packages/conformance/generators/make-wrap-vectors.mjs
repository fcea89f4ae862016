/** Vectors of keys under keys, and crossings: with `node:crypto`, by docs/spec/wrap.md, and not with our code. */
import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { flipped, jweUnder, withPart } from './raw-tokens.mjs';
import { publish, read, write } from './published.mjs';

const CROSSINGS = 'crossings.json';
const bytesOf = (name) => createHash('sha256').update(`wrap vectors: ${name}`).digest();
const base64url = (bytes) => bytes.toString('base64url');
const [DEK, KEK, ROOT, OTHER] = ['content key', 'organisation key', 'root key', 'another'].map(bytesOf);
const commitmentTo = (bytes) => createHash('sha256').update('bulla data key\0').update(bytes).digest('base64url');
const SUB = 'urn:bulla:acme:prompt:prm_01m8846r1de35rhayqpfw25ggb';

/** What a format is made of: its header, its key and the key that it is under. */
const wrap = {
  key: DEK,
  under: KEK,
  kid: 'kek:acme:7',
  context: {
    org: 'acme',
    sub: SUB,
    ver: 3,
    dek: 'dek_39cfee67065e5aed422efeb09165130a',
    chash: '5Jzgnujf1VyfZLpcOJm73s_sjGW2b1G-uCj9-bnqLlw',
    dkc: commitmentTo(DEK),
  },
  typ: 'bulla-kekwrap+jwe',
};
const kek = {
  key: KEK,
  under: ROOT,
  kid: 'root:file:1',
  context: { org: 'acme', kek: 'kek:acme:7', kver: 7 },
  typ: 'bulla-kek+jwe',
};

const headerOf = ({ kid, typ, context }) => ({ alg: 'dir', enc: 'A256GCM', typ, kid, ...context });
/** The same each time, and no IV twice. */
const sealed = (key, under, header) => {
  const iv = bytesOf([JSON.stringify(header), ...[key, under].map(base64url)].join('.')).subarray(0, 12);
  return jweUnder(key, under, header, { iv });
};
const tokenOf = (format, { header = {}, key = format.key, under = format.under } = {}) =>
  sealed(key, under, { ...headerOf(format), ...header });
const inputOf = (format, changes = {}) => ({
  token: tokenOf(format),
  under: base64url(format.under),
  kid: format.kid,
  ...format.context,
  ...changes,
});
/** A case that opens: a token with other members than the first, asked for by them. */
const valid =
  (format) =>
  (name, header = {}, key = format.key) => {
    const token = tokenOf(format, { header, key });
    return {
      op: 'open',
      name,
      input: inputOf(format, { token, ...header }),
      expected: { ok: { key: base64url(key) } },
    };
  };
const refused = (format) => (name, refusal, changes, check) => ({
  op: 'open',
  name,
  input: inputOf(format, changes),
  expected: { refused: refusal, ...(check && { check }) },
});
/** A header that is not one, and the rest as it was. */
const headers = (format, changes) =>
  Object.entries(changes).map(([name, header]) =>
    refused(format)(name, 'token_malformed', { token: tokenOf(format, { header }) }),
  );
/** Of another place or key: known by the header before the key is used. */
const elsewhere = (format, changes) =>
  Object.entries(changes).map(([name, [member, value]]) =>
    refused(format)(name, 'envelope_tampered', { [member]: value }, `wrap-${member}`),
  );

/** What is refused of both, for its form or by the tag. */
function common(format) {
  const fails = refused(format);
  const token = tokenOf(format);
  const text = JSON.stringify(headerOf(format));
  const respelled = (header) => sealed(format.key, format.under, header);
  const head = (change) =>
    withPart(token, 0, () => base64url(Buffer.from(JSON.stringify({ ...headerOf(format), ...change }))));
  return [
    fails('another key', 'open_failed', { under: base64url(OTHER) }),
    fails('under another key, by the right name', 'open_failed', { token: tokenOf(format, { under: OTHER }) }),
    fails('a flipped bit of the IV', 'open_failed', { token: flipped(token, 2) }),
    fails('a flipped bit of the ciphertext', 'open_failed', { token: flipped(token, 3) }),
    fails('a flipped bit of the tag', 'open_failed', { token: flipped(token, 4) }),
    fails(
      'a key of 31 bytes that it is under',
      'key_invalid',
      { under: base64url(format.under.subarray(1)) },
      'wrapping-key',
    ),
    fails('31 bytes inside', 'token_malformed', { token: tokenOf(format, { key: format.key.subarray(1) }) }),
    fails('33 bytes inside', 'token_malformed', {
      token: tokenOf(format, { key: Buffer.concat([format.key, Buffer.of(0)]) }),
    }),
    fails('nothing inside', 'token_malformed', { token: tokenOf(format, { key: Buffer.alloc(0) }) }),
    fails('an encrypted key where none is due', 'token_malformed', { token: withPart(token, 1, () => 'AAAA') }),
    fails('an IV of 16 bytes', 'token_malformed', { token: withPart(token, 2, () => base64url(Buffer.alloc(16))) }),
    fails('a tag of 12 bytes', 'token_malformed', { token: withPart(token, 4, (tag) => tag.slice(0, 16)) }),
    fails('four parts', 'token_malformed', { token: token.slice(0, token.lastIndexOf('.')) }),
    fails('padding after a part', 'token_malformed', { token: `${token}==` }),
    fails('spaces in the header', 'token_malformed', { token: respelled(text.replace(',', ', ')) }),
    fails('a member twice', 'token_malformed', { token: respelled(text.replace('}', ',"org":"acme"}')) }),
    fails('no header', 'token_malformed', { token: respelled('[]') }),
    ...headers(format, {
      'a further member': { iat: 1 },
      compression: { zip: 'DEF' },
      'another cipher': { enc: 'A128GCM' },
      'key wrapping without a place': { alg: 'A256KW' },
      'another type of token': { typ: 'bulla-grant+jwe' },
      'an organisation that is none': { org: 'Acme' },
    }),
    ...[
      ['moved to another organisation', moved(format, 'globex')],
      ['moved to another version', moved(format, 'acme', 8)],
    ].map(([name, members]) => fails(name, 'open_failed', { token: head(members), ...members })),
  ];
}

/** The members of the same key elsewhere, and in the row of that place. */
function moved(format, org, version = 7) {
  if (format === kek) return { org, kek: `kek:${org}:${version}`, kver: version };
  return { org, sub: SUB.replace('acme', org), kid: `kek:${org}:${version}` };
}

const wraps = [
  valid(wrap)('a content key under a key of the organisation'),
  valid(wrap)('a content key of zeros', { dkc: commitmentTo(Buffer.alloc(32)) }, Buffer.alloc(32)),
  valid(wrap)('a content key of a content that commits to none', { dkc: undefined }),
  valid(wrap)('under the first version of the key', { kid: 'kek:acme:1' }),
  valid(wrap)('under the last version that there can be', { kid: 'kek:acme:2147483647' }),
  ...common(wrap),
  refused(wrap)('asked for under another version of the key', 'key_unknown', { kid: 'kek:acme:8' }, 'wrap-kid'),
  ...elsewhere(wrap, {
    'of another organisation': ['org', 'globex'],
    'of another prompt': ['sub', 'urn:bulla:acme:prompt:prm_01kz84jm00fs4v9y6x7qj3r2dn'],
    'of another version': ['ver', 4],
    'of another content key': ['dek', 'dek_00000000000000000000000000000000'],
    'of another content': ['chash', base64url(OTHER)],
    'of a content that commits to another key': ['dkc', commitmentTo(OTHER)],
    'of a content that commits to none': ['dkc', undefined],
  }),
  refused(wrap)('another key than that of the content', 'open_failed', { token: tokenOf(wrap, { key: OTHER }) }),
  refused(wrap)(
    'without a commitment, of a content that has one',
    'envelope_tampered',
    { token: tokenOf(wrap, { header: { dkc: undefined } }) },
    'wrap-dkc',
  ),
  ...headers(wrap, {
    'a commitment that is none': { dkc: 'x' },
    'the key of another organisation': { kid: 'kek:globex:7' },
    'a prompt of another organisation': { sub: SUB.replace('acme', 'globex') },
    'version 0 of the key': { kid: 'kek:acme:0' },
    'a version of the key with a zero before it': { kid: 'kek:acme:07' },
    'a version of the key that no number column holds': { kid: 'kek:acme:2147483648' },
    'the root key': { kid: 'root:file:1' },
    'a path as key': { kid: 'kek:acme:../7' },
    'version 0': { ver: 0 },
    'a version that is a text': { ver: '3' },
    'a prompt that is none': { sub: 'claims/triage' },
    'a key id in capitals': { dek: 'dek_39CFEE67065E5AED422EFEB09165130A' },
    'no hash of the content': { chash: undefined },
    'the type of a key of the organisation': { typ: kek.typ },
  }),
];
const keks = [
  valid(kek)('a key of the organisation under the root key'),
  valid(kek)('under a root key with a fingerprint', { kid: 'root:shamir:0f2a:77c1' }),
  valid(kek)('the first version', { kek: 'kek:acme:1', kver: 1 }),
  ...common(kek),
  refused(kek)('asked for under another root key', 'key_unknown', { kid: 'root:file:2' }, 'wrap-kid'),
  ...elsewhere(kek, {
    'of another organisation': ['org', 'globex'],
    'of another name': ['kek', 'kek:acme:8'],
    'of another version': ['kver', 8],
  }),
  ...headers(kek, {
    'a name that says another version': { kek: 'kek:acme:8' },
    'a name that says another organisation': { kek: 'kek:globex:7' },
    'version 0': { kek: 'kek:acme:0', kver: 0 },
    'a version with a fraction': { kek: 'kek:acme:7.5', kver: 7.5 },
    'a root key without a provider': { kid: 'root::1' },
    'a root key in a folder': { kid: 'root:file:../1' },
    'a key of an organisation as root key': { kid: 'kek:acme:7' },
    'no name': { kek: undefined },
    'the type of a content key': { typ: wrap.typ },
  }),
];

const PURPOSE = 'bulla root key check v1';
function checkOf(root) {
  const derived = Buffer.from(hkdfSync('sha256', root, '', PURPOSE, 32));
  return createHmac('sha256', derived).update(PURPOSE).digest('base64url');
}
const checks = [
  ...[
    ['a root key', ROOT],
    ['another root key', OTHER],
    ['a root key of zeros', Buffer.alloc(32)],
  ].map(([name, root]) => ({
    op: 'verify',
    name,
    input: { root: base64url(root) },
    expected: { ok: { check: checkOf(root) } },
  })),
  ...[0, 16, 31, 33, 64].map((length) => ({
    op: 'verify',
    name: `a root key of ${length} bytes`,
    input: { root: base64url(Buffer.alloc(length, 3)) },
    expected: { refused: 'key_invalid', check: 'wrapping-key' },
  })),
];

publish('kek-wrap.json', { format: 'kek-wrap', values: {}, cases: wraps });
publish('kek.json', { format: 'kek', values: {}, cases: keks });
publish('key-check.json', { format: 'key-check', values: {}, cases: checks });

const crossing = (format, name, { key, under, kid, context }) => {
  const open = { under: base64url(under), kid, ...context };
  return { format, name, seal: { key: base64url(key), ...open }, open, ok: { key: base64url(key) } };
};
const crossings = read(CROSSINGS);
if (!crossings.cases.some(({ format }) => format === 'kek-wrap')) {
  crossings.cases.push(crossing('kek-wrap', 'a content key', wrap), crossing('kek', 'a key of an organisation', kek));
  write(CROSSINGS, crossings);
}
