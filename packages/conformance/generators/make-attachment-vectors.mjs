/** Vectors of attachments, and crossings: with `node:crypto`, by docs/spec/attachment.md, and not with our code. */
import { createHash } from 'node:crypto';
import { streamParts } from './raw-stream.mjs';
import { publish, read, write } from './published.mjs';

const CROSSINGS = 'crossings.json';
const FILE = 'attachment.json';

const TEXT = Buffer.from('Section 4: water damage is covered.\n');
const LONG = Buffer.from(Array.from({ length: 16_384 + 3000 }, (_, at) => (at * 7) % 251));
const sha256 = (text) => createHash('sha256').update(text).digest();
const hashOf = (text) => sha256(text).toString('base64url');
const KEY = sha256('the key of the attachment vectors');
const SALT = sha256('the salt of the attachment vectors').subarray(0, 24);
const SUB = 'urn:bulla:acme:prompt:prm_01m8846r1de35rhayqpfw25ggb';
const ID = 'policy.txt';
const place = { sub: SUB, ver: 3 };

const entryOf = (content, id = ID) => ({
  id,
  key: KEY.toString('base64url'),
  size: content.length,
  hash: hashOf(content),
});
const contextOf = ({ sub, ver }, id = ID) => Buffer.from(`bulla-attachment\n${sub}\n${ver}\n${id}`);
const partsOf = (content, { key = KEY, context = contextOf(place) } = {}) => streamParts(content, key, context, SALT);
const base64url = (parts) => Buffer.concat(parts.map((part) => Buffer.from(part))).toString('base64url');

const inputOf = (parts, content, changes = {}) => ({
  sealed: base64url(parts),
  attachment: { ...entryOf(content), ...changes },
  ...place,
});
const valid = (name, content, id = ID) => ({
  op: 'open',
  name,
  input: {
    ...inputOf(partsOf(content, { context: contextOf(place, id) }), content),
    attachment: entryOf(content, id),
  },
  expected: { ok: { content: content.toString('base64url') } },
});
const refused = (name, input, code = 'open_failed') => ({ op: 'open', name, input, expected: { refused: code } });

const good = inputOf(partsOf(TEXT), TEXT);
const [header, ...chunks] = partsOf(LONG);
const streams = {
  'chunks in another order': ['open_failed', [header, ...chunks.toReversed()]],
  'a chunk left out': ['open_failed', [header, ...chunks.slice(1)]],
  'the last chunk twice': ['open_failed', [header, ...chunks, chunks.at(-1)]],
  'a byte after the last chunk': ['open_failed', [header, ...chunks, Buffer.of(10)]],
  'a byte of the last chunk less': ['open_failed', [header, chunks[0], chunks[1].subarray(0, -1)]],
  'no last chunk': ['stream_truncated', [header, chunks[0]]],
  'half a tag after the first chunk': ['stream_truncated', [header, chunks[0], chunks[1].subarray(0, 8)]],
  'a header alone': ['stream_truncated', [header]],
  'half a header': ['stream_truncated', [header.subarray(0, 40)]],
  nothing: ['stream_truncated', []],
};
const contexts = {
  'no context': Buffer.alloc(0),
  'the context of another organisation': contextOf({ ...place, sub: SUB.replace('acme', 'globex') }),
  'a context without what it is': contextOf(place).subarray('bulla-attachment\n'.length),
  'a context with another order': Buffer.from(`bulla-attachment\n${SUB}\n${ID}\n3`),
  'a context with a newline at its end': Buffer.concat([contextOf(place), Buffer.from('\n')]),
};
const cases = [
  valid('a short text', TEXT),
  valid('no content', Buffer.alloc(0)),
  valid('two chunks', LONG),
  valid('a chunk and no byte more', LONG.subarray(0, 16_384)),
  valid('a name of every character', TEXT, 'Az09._:-'),
  valid('a name of 128 characters', TEXT, 'x'.repeat(128)),
  refused('another version', { ...good, ver: 4 }),
  refused('another prompt', { ...good, sub: 'urn:bulla:acme:prompt:prm_01kz84jm00fs4v9y6x7qj3r2dn' }),
  refused('another organisation', { ...good, sub: SUB.replace('acme', 'globex') }),
  refused('another name', inputOf(partsOf(TEXT), TEXT, { id: 'policy.pdf' })),
  refused('another key', inputOf(partsOf(TEXT), TEXT, { key: sha256('another').toString('base64url') })),
  refused('a stream under another key', inputOf(partsOf(TEXT, { key: sha256('another') }), TEXT)),
  refused('another hash', inputOf(partsOf(TEXT), TEXT, { hash: hashOf(LONG) })),
  refused(
    'the hash of 32 zero bytes and the file',
    inputOf(partsOf(TEXT), TEXT, { hash: hashOf(Buffer.concat([Buffer.alloc(32), TEXT])) }),
  ),
  refused('a size that is one less', inputOf(partsOf(TEXT), TEXT, { size: TEXT.length - 1 })),
  refused('a size that is one more', inputOf(partsOf(TEXT), TEXT, { size: TEXT.length + 1 })),
  refused('other content of the same size', inputOf(partsOf(Buffer.alloc(TEXT.length, 'x')), TEXT)),
  refused('the beginning of the content', inputOf(partsOf(LONG.subarray(0, 16_384)), LONG)),
  refused('the content and more', inputOf(partsOf(Buffer.concat([TEXT, TEXT])), TEXT)),
  refused('two chunks of other content', inputOf(partsOf(Buffer.alloc(LONG.length)), LONG)),
  ...Object.entries(contexts).map(([name, context]) => refused(name, inputOf(partsOf(TEXT, { context }), TEXT))),
  ...Object.entries(streams).map(([name, [code, parts]]) => refused(name, inputOf(parts, LONG), code)),
  refused('a place that is no prompt', { ...good, sub: 'urn:bulla:acme' }, 'token_malformed'),
  refused('version 0', { ...good, ver: 0 }, 'token_malformed'),
  refused('a name with a slash', inputOf(partsOf(TEXT), TEXT, { id: 'a/b' }), 'token_malformed'),
];

const crossing = (name, content) => ({
  format: 'attachment',
  name,
  seal: { content: content.toString('base64url'), id: ID, ...place },
  open: place,
  ok: { content: content.toString('base64url') },
});
publish(FILE, { format: 'attachment', values: {}, cases });
const crossings = read(CROSSINGS);
if (!crossings.cases.some(({ format }) => format === 'attachment')) {
  crossings.cases.push(crossing('two chunks', LONG), crossing('no content', Buffer.alloc(0)));
  write(CROSSINGS, crossings);
}
