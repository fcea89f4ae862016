/**
 * Vectors of streamed letters, and crossings: with `node:crypto`, by docs/spec/streamed-letter.md, and not with our
 * code.
 */
import { createHash } from 'node:crypto';
import { outsides } from './outsides.mjs';
import { streamParts } from './raw-stream.mjs';
import { algOf, flipped, jwe, jws, signAlgOf, thumbprint, withPart } from './raw-tokens.mjs';
import { isPublished, publish, read, write } from './published.mjs';

const CROSSINGS = 'crossings.json';
const FILE = 'streamed-letter.json';
const crossings = read(CROSSINGS);
const { values } = crossings;

/** 2026-11-26T12:00:00Z. */
const AT = 1_795_694_400;
const NAME = 'minutes.txt';
const TEXT = Buffer.from('The key lies under the third stone.\nThe stone lies by the river.\n');
const LONG = Buffer.from(Array.from({ length: 16_384 + 3000 }, (_, at) => (at * 7) % 251));
const sha256 = (text) => createHash('sha256').update(text).digest();
const KEY = sha256('the key of the streamed vectors');
const SALT = sha256('the salt of the streamed vectors').subarray(0, 24);
const hashOf = (bytes) => sha256(bytes).toString('base64url');

/** The writer, the reader, and what comes between them. Each step can be changed. */
function between(from, to) {
  const [sig, enc] = [values[`${from}.sig`], values[`${to}.enc`]];
  const [by, aud] = [thumbprint(sig), thumbprint(enc)];
  const typ = 'bulla-streamed-letter+jws';
  const inside = { alg: signAlgOf(sig), typ, kid: by, aud, iat: AT, name: NAME };
  const outside = { alg: algOf(enc), enc: 'A256GCM', typ: 'bulla-streamed-letter+jwe', cty: typ, kid: aud };
  const inner = (changes = {}, key = sig, payload = KEY) => jws(payload, key, { ...inside, ...changes });
  const outer = (changes = {}, plaintext = inner()) => jwe(plaintext, enc, outside, changes);
  const signedInside = inner();
  const end = (content = TEXT, claims = {}, header = {}, key = sig) => {
    const all = { letter: hashOf(signedInside), size: content.length, hash: hashOf(content), ...claims };
    return jws(JSON.stringify(all), key, { alg: signAlgOf(sig), typ: 'bulla-letter-end+jws', kid: by, ...header });
  };
  const letter = () => outer({}, signedInside);
  const parts = (text, token = letter(), key = KEY, context = sha256(token)) => [
    Buffer.from(`${token}\n`),
    ...streamParts(Buffer.isBuffer(text) ? text : Buffer.from(text), key, context, SALT),
  ];
  const whole = (content = TEXT, endOf = end(content)) => Buffer.concat([content, Buffer.from(`\n${endOf}`)]);
  return { sig, enc, by, inner, outer, letter, end, parts, whole };
}

const base64url = (parts) => Buffer.concat(parts.map((part) => Buffer.from(part))).toString('base64url');
const people = { recipient: '@p256.enc', sender: '@p256.sig.pub' };
const { sig, enc, by, inner, outer, letter, end, parts, whole } = between('p256', 'p256');
const stranger = values['rsa2048.sig'];

function valid(name, from, to, content) {
  const made = between(from, to);
  return {
    op: 'open',
    name,
    input: { sealed: base64url(made.parts(made.whole(content))), recipient: `@${to}.enc`, sender: `@${from}.sig.pub` },
    expected: { ok: { content: content.toString('base64url'), at: AT, name: NAME } },
  };
}
const refused = (name, code, sealed, who = people) => ({
  op: 'open',
  name,
  input: { sealed: base64url(sealed), ...who },
  expected: { refused: code },
});

/** A letter that is wrong, before a stream that is right. */
const before = (token) => [Buffer.from(`${token}\n`), ...parts(whole(), token).slice(1)];
const insides = {
  'alg none': inner({ alg: 'none' }),
  'another algorithm of letters': inner({ alg: 'PS256' }),
  'the typ of a letter': inner({ typ: 'bulla-letter+jws' }),
  'to somebody else': inner({ aud: by }),
  'signed by somebody else': inner({}, values['p256.enc']),
  'no time': inner({ iat: undefined }),
  'a path for a name': inner({ name: '../minutes.txt' }),
  'a member more': inner({ size: 65 }),
  'a flipped bit of the key': flipped(inner(), 1),
  'a flipped bit of the signature': flipped(inner(), 2),
  'a key of 31 bytes': inner({}, sig, KEY.subarray(1)),
  'a key of 33 bytes': inner({}, sig, Buffer.concat([KEY, Buffer.of(0)])),
  'no key': inner({}, sig, Buffer.alloc(0)),
  nothing: '',
};
const ends = {
  none: TEXT,
  'no newline before it': Buffer.concat([Buffer.from('x'), Buffer.from(end(Buffer.from('x')))]),
  'the end of other content': whole(TEXT, end(LONG)),
  'another hash': whole(TEXT, end(TEXT, { hash: hashOf(LONG) })),
  'the hash of 32 zero bytes and the file': whole(
    TEXT,
    end(TEXT, { hash: hashOf(Buffer.concat([Buffer.alloc(32), TEXT])) }),
  ),
  'another size': whole(TEXT, end(TEXT, { size: TEXT.length + 1 })),
  'a size with a fraction': whole(TEXT, end(TEXT, { size: TEXT.length + 0.5 })),
  'another letter': whole(TEXT, end(TEXT, { letter: hashOf('another') })),
  'a member less': whole(TEXT, end(TEXT, { letter: undefined })),
  'a member more': whole(TEXT, end(TEXT, { iat: AT })),
  'another typ': whole(TEXT, end(TEXT, {}, { typ: 'bulla-streamed-letter+jws' })),
  'another kid': whole(TEXT, end(TEXT, {}, { kid: thumbprint(stranger) })),
  'alg none': whole(TEXT, end(TEXT, {}, { alg: 'none' })),
  crit: whole(TEXT, end(TEXT, {}, { crit: ['b64'], b64: false })),
  'signed by somebody else': whole(TEXT, end(TEXT, {}, {}, values['p256.enc'])),
  'a flipped bit of the signature': whole(TEXT, flipped(end(), 2)),
  'no signature': whole(
    TEXT,
    withPart(end(), 2, () => ''),
  ),
  twice: whole(whole(), end()),
  'something after it': Buffer.concat([whole(), Buffer.from('=')]),
  'a newline after it': Buffer.concat([whole(), Buffer.from('\n')]),
  'a byte more before it': Buffer.concat([TEXT, Buffer.from(`.\n${end()}`)]),
  'more than 2,048 bytes': whole(TEXT, `${end()}${'A'.repeat(2048)}`),
};
const token = letter();
const [line, header, ...chunks] = parts(whole(LONG), token);
const other = parts(whole(LONG));
const streams = {
  'another key than the letter holds': ['open_failed', parts(whole(), token, sha256('another'))],
  'the hash of another letter for context': [
    'open_failed',
    parts(whole(), token, KEY, sha256(other[0].subarray(0, -1))),
  ],
  'no context': ['open_failed', parts(whole(), token, KEY, Buffer.alloc(0))],
  'the stream of another letter': ['open_failed', [line, ...other.slice(1)]],
  'chunks in another order': ['open_failed', [line, header, ...chunks.toReversed()]],
  'a chunk left out': ['open_failed', [line, header, ...chunks.slice(1)]],
  'the last chunk twice': ['open_failed', [line, header, ...chunks, chunks.at(-1)]],
  'a byte after the last chunk': ['open_failed', [line, header, ...chunks, Buffer.of(10)]],
  'a byte of the last chunk less': [
    'open_failed',
    [line, header, ...chunks.slice(0, -1), chunks.at(-1).subarray(0, -1)],
  ],
  'no last chunk': ['stream_truncated', [line, header, ...chunks.slice(0, -1)]],
  'half a tag after the first chunk': ['stream_truncated', [line, header, chunks[0], chunks[1].subarray(0, 8)]],
  'a header alone': ['stream_truncated', [line, header]],
  'half a header': ['stream_truncated', [line, header.subarray(0, 40)]],
  'a letter alone': ['stream_truncated', [line]],
  'a letter without its newline': ['stream_truncated', [line.subarray(0, -1)]],
  'a newline before the letter': ['token_malformed', [Buffer.from('\n'), line, header, ...chunks]],
  'two newlines after the letter': ['open_failed', [line, Buffer.from('\n'), header, ...chunks]],
  'a carriage return': ['token_malformed', [line.subarray(0, -1), Buffer.from('\r\n'), header, ...chunks]],
  'half a letter': ['token_malformed', [line.subarray(0, line.length / 2)]],
  nothing: ['token_malformed', []],
};
const cases = [
  valid('P-256 to P-256', 'p256', 'p256', TEXT),
  valid('P-256 to RSA-2048', 'p256', 'rsa2048', TEXT),
  valid('RSA-2048 to P-256', 'rsa2048', 'p256', TEXT),
  valid('RSA-3072 to RSA-3072', 'rsa3072', 'rsa3072', TEXT),
  valid('no content', 'p256', 'p256', Buffer.alloc(0)),
  valid('two chunks', 'p256', 'p256', LONG),
  valid('an end that lies in two chunks', 'p256', 'p256', LONG.subarray(0, 16_384 - 100)),
  valid('a chunk and no byte more', 'p256', 'p256', LONG.subarray(0, 16_384)),
  valid('newlines at its end', 'p256', 'p256', Buffer.from('\n\n')),
  refused('another key than the reader has', 'key_unknown', parts(whole()), { ...people, recipient: '@rsa2048.enc' }),
  refused('another sender than is expected', 'open_failed', parts(whole()), { ...people, sender: '@rsa2048.sig.pub' }),
  ...outsides(enc, outer, enc)
    // A letter ends with a line feed.
    .filter(([name]) => name !== 'a line feed at the end')
    .map(([name, made, code]) => refused(`the letter: ${name}`, code, before(made))),
  ...Object.entries(insides).map(([name, made]) => refused(`inside: ${name}`, 'open_failed', before(outer({}, made)))),
  ...Object.entries(ends).map(([name, text]) => refused(`the end: ${name}`, 'open_failed', parts(text))),
  ...Object.entries(streams).map(([name, [code, made]]) => refused(name, code, made)),
  refused('a letter that is no stream', 'token_malformed', [
    outer({ typ: 'bulla-letter+jwe', cty: 'bulla-letter+jws' }),
  ]),
];

const crossing = (from, to, content) => {
  const made = { content: content.toString('base64url'), at: AT, name: 'Protokoll äöü.txt' };
  return {
    format: 'streamed-letter',
    name: `${from} to ${to}, ${content.length} bytes`,
    seal: { ...made, sender: `@${from}.sig`, recipient: `@${to}.enc.pub` },
    open: { recipient: `@${to}.enc`, sender: `@${from}.sig.pub` },
    ok: made,
  };
};
if (!isPublished(FILE)) {
  const used = Object.fromEntries(Object.entries(values).filter(([name]) => /(\.enc|\.sig\.pub)$/.test(name)));
  publish(FILE, { format: 'streamed-letter', values: used, cases });
}
if (!crossings.cases.some(({ format }) => format === 'streamed-letter')) {
  crossings.cases.push(
    crossing('p256', 'p256', LONG),
    crossing('rsa2048', 'rsa3072', TEXT),
    crossing('p256', 'rsa2048', TEXT),
  );
  write(CROSSINGS, crossings);
}
