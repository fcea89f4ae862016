/**
 * Vectors of sealed formats for each suite, and crossings: with `node:crypto`, by the pages of docs/spec, and not with
 * our code.
 */
import { outsides } from './outsides.mjs';
import { algOf, flipped, jwe, jws, publicOf, signAlgOf, thumbprint, withPart } from './raw-tokens.mjs';
import { publish, read } from './published.mjs';
import { crossingTo, each, opened, people, refusedSeals, SUITES, used, values } from './wrapped-keys.mjs';

const golden = (name) => read(`golden/${name}.json`);
const other = (suite) => (suite === 'p256' ? 'rsa2048' : 'p256');

/** 2026-11-25T12:00:00Z. */
const AT = 1_795_608_000;
const TEXT = Buffer.from('Dear reader,\n\u0000 äöü\n');
const [{ token: statement }] = golden('statement').cases;
const [{ place: contentPlace }] = golden('content').cases;

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
  return [...letterCrossings, ...suites.map(crossingTo('grant')), content, chunks];
}

publish('grant-suites.json', {
  format: 'grant',
  values: used(/\.enc(\.pub)?$/),
  cases: [...each(opened('grant')), ...refusedSeals('grant')],
});
publish('letter-suites.json', { format: 'letter', values: used(/(\.enc|\.sig\.pub)$/), cases: each(letters) });
publish('crossings.json', { values, cases: crossings() });
