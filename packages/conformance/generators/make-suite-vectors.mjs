/**
 * Vectors of sealed formats for each suite, and crossings: with `node:crypto`, by the pages of docs/spec, and not with
 * our code.
 */
import { createHash } from 'node:crypto';
import { outsides } from './outsides.mjs';
import { algOf, flipped, jwe, jws, publicOf, signAlgOf, thumbprint, withPart } from './raw-tokens.mjs';
import { publish, read } from './published.mjs';

const golden = (name) => read(`golden/${name}.json`);
const { keys: people } = golden('letter');
/** The person who seals and signs in a suite. Content is sealed to the same person. */
const SUITES = { rsa2048: people.carol, rsa3072: people.dora, p256: people.alice };
const values = Object.fromEntries(
  Object.entries(SUITES).flatMap(([suite, { sig, enc }]) => [
    [`${suite}.sig`, sig],
    [`${suite}.sig.pub`, publicOf(sig)],
    [`${suite}.enc`, enc],
    [`${suite}.enc.pub`, publicOf(enc)],
  ]),
);
const used = (names) => Object.fromEntries(Object.entries(values).filter(([name]) => names.test(name)));
const other = (suite) => (suite === 'p256' ? 'rsa2048' : 'p256');

/** 2026-11-25T12:00:00Z. */
const AT = 1_795_608_000;
const TEXT = Buffer.from('Dear reader,\n\u0000 äöü\n');
const DEK = createHash('sha256').update('the content key of the vectors').digest();
const [{ token: statement }] = golden('statement').cases;
const [{ place: contentPlace }] = golden('content').cases;
const [{ expect: grantPlace }] = golden('grant').cases;
const { dekId: dek, ...placed } = grantPlace;
const place = { ...placed, dek };

function grants(suite) {
  const { enc } = SUITES[suite];
  const kid = thumbprint(enc);
  const stranger = people.bob.enc;
  const { urn: aud, sub, ver, chash } = place;
  const header = { alg: algOf(enc), enc: 'A256GCM', typ: 'bulla-grant+jwe', kid, aud, sub, ver, dek, chash };
  const seal = (changes, key = DEK, to = enc) => jwe(key, to, header, changes);
  const moved = seal({ ver: ver + 1 });
  const elsewhere = {
    'another prompt': seal({ sub: sub.replace(/.$/, (last) => (last === '0' ? '1' : '0')) }),
    'another version': moved,
    'another audience': seal({ aud: aud.replace('eu1', 'eu2') }),
    'another content': seal({ chash: thumbprint(stranger) }),
    'another content key': seal({ dek: `dek_${'0'.repeat(32)}` }),
    'a header moved to this version': withPart(moved, 0, () => seal({}).split('.')[0]),
    'to another key, under this kid': seal({}, DEK, suite === 'p256' ? stranger : SUITES[suite].sig),
    'a kid of another key': seal({ kid: thumbprint(stranger) }),
    'a content key of 31 bytes': seal({}, DEK.subarray(1)),
    'a content key of 33 bytes': seal({}, Buffer.concat([DEK, Buffer.of(0)])),
  };
  const cases = [
    ...outsides(enc, seal, people.alice.enc),
    ...Object.entries(elsewhere).map(([name, token]) => [name, token, 'open_failed']),
    ['to the vault', seal({ aud: 'urn:bulla:acme:svc:vault' }), 'token_malformed'],
    ['version 0', seal({ ver: 0 }), 'token_malformed'],
    ['a version with a fraction', seal({ ver: 1.5 }), 'token_malformed'],
    ['no audience', seal({ aud: undefined }), 'token_malformed'],
  ];
  const input = (token) => ({ token, recipient: `@${suite}.enc`, ...place });
  const key = DEK.toString('base64url');
  return [
    { op: 'open', name: suite, input: input(seal({})), expected: { ok: { key } } },
    ...cases.map(([name, token, refused]) => ({
      op: 'open',
      name: `${suite}: ${name}`,
      input: input(token),
      expected: { refused },
    })),
  ];
}

/** What may not be granted. */
function refusedGrants() {
  const recipient = '@rsa2048.enc.pub';
  const key = DEK.toString('base64url');
  const good = { key, recipient, ...place, protect_until: '2029-12-31' };
  const refusing = (name, changes, check) => ({
    op: 'seal',
    name,
    input: { ...good, ...changes },
    expected: { refused: 'key_invalid', check },
  });
  return [
    refusing('rsa2048: protection until after its end', { protect_until: '2031-01-01' }, 'protect-until'),
    refusing('rsa2048: a content key of 31 bytes', { key: DEK.subarray(1).toString('base64url') }, 'grant-dek'),
    refusing(
      'rsa2048: a recipient of another organisation',
      { urn: place.urn.replace('acme', 'globex') },
      'grant-organisation',
    ),
  ];
}

function letters(suite) {
  const { sig, enc } = SUITES[suite];
  const [by, to] = [thumbprint(sig), thumbprint(enc)];
  const typ = 'bulla-letter+jws';
  const inside = { alg: signAlgOf(sig), typ, kid: by, aud: to, iat: AT, name: 'letter.txt' };
  const outside = { alg: algOf(enc), enc: 'A256GCM', typ: 'bulla-letter+jwe', cty: typ, kid: to };
  const inner = (changes = {}, key = sig) => jws(TEXT, key, { ...inside, ...changes });
  const seal = (changes, plaintext = inner()) => jwe(plaintext, enc, outside, changes);
  const insides = {
    'alg none': inner({ alg: 'none' }),
    RS256: inner({ alg: 'RS256' }),
    HS256: inner({ alg: 'HS256' }),
    'another algorithm of letters': inner({ alg: signAlgOf(SUITES[other(suite)].sig) }),
    'another typ': inner({ typ: 'bulla-other+jws' }),
    'another kid': inner({ kid: to }),
    'to somebody else': inner({ aud: by }),
    'signed by somebody else': inner({}, suite === 'p256' ? people.bob.sig : enc),
    'no time': inner({ iat: undefined }),
    'a time with a fraction': inner({ iat: AT + 0.5 }),
    'a time before 1970': inner({ iat: -1 }),
    'a time as text': inner({ iat: String(AT) }),
    'a path for a name': inner({ name: '../letter.txt' }),
    'a name with a backslash': inner({ name: 'a\\b' }),
    'two dots for a name': inner({ name: '..' }),
    'an empty name': inner({ name: '' }),
    'a name of 256 bytes': inner({ name: 'a'.repeat(256) }),
    'a name with a control character': inner({ name: 'a\u001b[2J' }),
    'a name that turns text around': inner({ name: 'a\u202etxt.exe' }),
    'a key of its own': inner({ jwk: publicOf(sig) }),
    crit: inner({ crit: ['b64'], b64: false }),
    'white space in the header': withPart(inner(), 0, () =>
      Buffer.from(JSON.stringify(inside, null, 1)).toString('base64url'),
    ),
    'a flipped bit of the content': flipped(inner(), 1),
    'a flipped bit of the signature': flipped(inner(), 2),
    'no signature': withPart(inner(), 2, () => ''),
    'two parts': inner().split('.').slice(0, 2).join('.'),
    'bytes that are no text': Buffer.of(0xff, 0xfe),
    nothing: '',
  };
  const cases = [
    ...outsides(enc, seal, people.alice.enc),
    ...Object.entries(insides).map(([name, token]) => [`inside: ${name}`, seal({}, token), 'open_failed']),
    ['a kid of another key', seal({ kid: by }), 'key_unknown'],
    ['no cty', seal({ cty: undefined }), 'token_malformed'],
    ['the signed letter alone', inner(), 'token_malformed'],
  ];
  const input = (token) => ({ token, recipient: `@${suite}.enc`, sender: `@${suite}.sig.pub` });
  const ok = { content: TEXT.toString('base64url'), at: AT };
  return [
    { op: 'open', name: suite, input: input(seal({})), expected: { ok: { ...ok, name: 'letter.txt' } } },
    {
      op: 'open',
      name: `${suite}: no name`,
      input: input(seal({}, inner({ name: undefined }))),
      expected: { ok },
    },
    ...cases.map(([name, token, refused]) => ({
      op: 'open',
      name: `${suite}: ${name}`,
      input: input(token),
      expected: { refused },
    })),
  ];
}

/** What implementations seal for each other. */
function crossings() {
  const suites = Object.keys(SUITES);
  const letter = { content: TEXT.toString('base64url'), at: AT, name: 'Brief äöü.txt' };
  const letterBetween = (from, to) => ({
    format: 'letter',
    name: `${from} to ${to}`,
    seal: { ...letter, sender: `@${from}.sig`, recipient: `@${to}.enc.pub` },
    open: { recipient: `@${to}.enc`, sender: `@${from}.sig.pub` },
    ok: letter,
  });
  const key = DEK.toString('base64url');
  const grantTo = (to) => ({
    format: 'grant',
    name: `to ${to}`,
    seal: { key, recipient: `@${to}.enc.pub`, ...place, protect_until: '2029-12-31' },
    open: { recipient: `@${to}.enc`, ...place },
    ok: { key },
  });
  const content = {
    format: 'content',
    name: 'under a fresh key',
    seal: { statement, ...contentPlace },
    open: contentPlace,
    ok: { statement },
  };
  const context = 'an attachment';
  const chunks = {
    format: 'chunked',
    name: 'two chunks',
    seal: { content: Buffer.alloc(16_384 + 5, 'bulla ').toString('base64url'), context },
    open: { context },
    ok: { content: Buffer.alloc(16_384 + 5, 'bulla ').toString('base64url') },
  };
  const letterCrossings = suites.flatMap((from) => suites.map((to) => letterBetween(from, to)));
  return [...letterCrossings, ...suites.map(grantTo), content, chunks];
}

const each = (make) => Object.keys(SUITES).flatMap(make);
publish('grant-suites.json', {
  format: 'grant',
  values: used(/\.enc(\.pub)?$/),
  cases: [...each(grants), ...refusedGrants()],
});
publish('letter-suites.json', { format: 'letter', values: used(/(\.enc|\.sig\.pub)$/), cases: each(letters) });
publish('crossings.json', { values, cases: crossings() });
