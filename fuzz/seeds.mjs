// Writes the seeds of the corpus, `seed-*`, from the golden vectors: `node fuzz/seeds.mjs`. What a fuzzer found has
// other names and stays.
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseInvocation } from '@bulla/crypto';
import { loadUnwrapper, openInvocation } from '@bulla/crypto/open';
import { encryptedKey } from './encrypted-key.mjs';

const VECTORS = join(import.meta.dirname, '../packages/conformance/vectors/golden');
const PUBLIC_VECTORS = join(import.meta.dirname, '../packages/conformance/vectors');
const CORPUS = join(import.meta.dirname, 'corpus');
/** A file of the corpus is something that a person can look at. */
const FILE_BYTES_MAX = 16_384;
const PER_TARGET_MAX = 24;

const load = (name) => JSON.parse(readFileSync(join(VECTORS, `${name}.json`), 'utf8'));
const casesOf = (name) => load(name).cases;
const bytesOf = (base64url) => Buffer.from(base64url, 'base64url');
const lines = (...parts) =>
  Buffer.concat(parts.flatMap((part, at) => [...(at > 0 ? ['\n'] : []), part]).map((part) => Buffer.from(part)));

/** As `kit/tokens.ts` puts them together again; a signature or ciphertext is anything. */
const jws = (token) => lines(...token.split('.').slice(0, 2).map(bytesOf), 'signature');
const jwe = (token) => lines(bytesOf(token.split('.')[0]), token.split('.')[1] === '' ? '' : 'key', 'ciphertext');
/** What is wrapped has a length of its own. */
const wrapped = (token) => lines(...[0, 1, 3].map((at) => bytesOf(token.split('.')[at])));
const document = (token) => {
  const { payload, signatures } = JSON.parse(token);
  return lines(bytesOf(payload), ...signatures.map((one) => bytesOf(one.protected)));
};
const readable = (seed, ...inputs) => inputs.flatMap((input) => attempt(() => seed(input)) ?? []);
function attempt(make) {
  try {
    return make();
  } catch {
    // A vector may be broken on purpose where its parts begin.
    return undefined;
  }
}

const tokens = (name) => casesOf(name).map(({ token }) => token);
const { acme, globex } = load('organisations');
const trust = load('trust');
const documents = [acme.documents, globex.documents, trust.documents];
const enrolment = casesOf('enrolment').map(({ code }) => code);
const note = load('note');
const merkle = load('merkle');
const numbered = load('numbered-logs');
/** Files of exports with numbered logs, each once. */
const logFiles = (pattern) => {
  const all = numbered.cases.flatMap(({ files }) => Object.entries(files));
  return [...new Set(all.flatMap(([path, bytes]) => (pattern.test(path) ? bytes : [])))].map(bytesOf);
};
const checkpoints = logFiles(/[/]checkpoint$/).map(String);
const entries = [
  ...new Set(
    logFiles(/[/]entries[/]/)
      .flatMap(entriesOf)
      .map(String),
  ),
];
function entriesOf(bundle) {
  const end = bundle.length === 0 ? 0 : 2 + bundle.readUInt16BE();
  return end === 0 ? [] : [bundle.subarray(2, end), ...entriesOf(bundle.subarray(end))];
}
/** They say what was signed of the logs before. */
const begins = entries.filter((entry) => entry.includes('log.begin'));
const tiles = load('tiles');
const http = load('http-signature');
const letters = load('letter');
const shares = load('share');
const publicCasesOf = (name) => JSON.parse(readFileSync(join(PUBLIC_VECTORS, `${name}.json`), 'utf8')).cases;
const streamed = publicCasesOf('streamed-letter');
/** The first is good; of the others only those that are refused for their form say something to a parser. */
const words = (name) =>
  publicCasesOf(name)
    .filter(({ expected }, at) => at === 0 || expected.refused === 'token_malformed')
    .map(({ input }) => input.token);
/** Good ones, and those that are refused for their form. */
const wraps = (name) =>
  publicCasesOf(name)
    .filter(({ expected }) => expected.ok !== undefined || expected.refused === 'token_malformed')
    .map(({ input }) => input.token);
const replies = casesOf('frames');
/** Fins that carry a checkpoint. */
const telling = publicCasesOf('frames-checkpoint').flatMap(({ expected }) => expected.ok?.fin ?? []);
const questions = casesOf('invocation').map(({ sealed }) => sealed);
const bundles = casesOf('bundle').map(({ bundle }) => bundle);
const keys = Object.values(trust.keys);
const letterKeys = Object.values(letters.keys);
const answer = load('answer');
const requestOf = ({ request, added }) => {
  const fields = { ...request.headers, ...request.header, ...added };
  const head = [`${request.method} ${request.authority} ${request.path}${request.query === '?' ? '' : request.query}`];
  return [...head, ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`), '', request.body ?? ''].join(
    '\n',
  );
};
const responseOf = ({ response, added }) =>
  [
    String(response.status),
    ...Object.entries({ 'content-type': response.contentType ?? 'application/json', ...added }).map((one) =>
      one.join(': '),
    ),
    '',
    response.body ?? '',
  ].join('\n');
const bundleOf = (bundle) => {
  const [header, payload] = bundle.env.split('.');
  const body = { ...bundle, env: '$env' };
  if (bundle.grant !== undefined) body.grant = '$grant';
  if (bundle.content !== undefined) body.content = '$content';
  const headOf = (token) => bytesOf((token ?? '').split('.')[0]);
  return lines(bytesOf(header), bytesOf(payload), headOf(bundle.grant), headOf(bundle.content), JSON.stringify(body));
};
const publicOf = ({ kty, crv, x, y }) => ({ kty, crv, x, y });
const spki = (jwk) => createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' });
const pem = (jwk) => String(createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }));
const pkcs8 = (jwk) => createPrivateKey({ key: jwk, format: 'jwk' }).export({ type: 'pkcs8', format: 'der' });

/** One of each kind and length. */
const publicJwks = ['root1', 'recovery', 'eu1Enc']
  .map((name) => trust.keys[name].publicJwk)
  .concat(publicOf(letterKeys[0].sig));

async function openedQuestions() {
  const unwrapper = await loadUnwrapper(acme.entities.eu1.keys.enc.jwk, 'RSA-OAEP-256');
  const opened = await Promise.allSettled(
    questions.map(async (sealed) => openInvocation(parseInvocation(sealed), unwrapper)),
  );
  return opened.flatMap(({ value }) => value?.inner.token ?? []);
}

function requestBodies() {
  const [prompt] = acme.prompts;
  const { sig, enc } = letterKeys[0];
  const token = tokens('tag')[0] ?? casesOf('tag')[0].tokens[0];
  const { env, grant, content } = bundles[0];
  return [
    { id: prompt, name: 'claims/triage', type: 'chat' },
    { name: 'claims/triage', label: 'latest', aud: acme.entities.eu1.urn, uses: 2 },
    { bundle: { v: 1, env, grant, content, tags: [token] }, inv: questions[0] },
    { grants: [grant] },
    { tags: [token] },
    { root: documents[0].roots[0], policy: documents[0].policy, directory: documents[2].directory },
    {
      id: 'enr_01kaw7g0f8e5tte8wk4s2z9y7c',
      invitation: 'ivt_01kaw7g0f8e5tte8wk4s2z9y7c',
      ticket: 'A'.repeat(43),
      label: 'a laptop',
      sig: { jwk: publicOf(sig), alg: 'ES256' },
      enc: { jwk: publicOf(enc), alg: 'ECDH-ES+A256KW' },
      mac: 'A'.repeat(43),
    },
  ].map((body) => JSON.stringify(body));
}

/** Events of the Messages API: a block of words, and one of a call. */
const MESSAGE = [
  {
    type: 'message_start',
    message: { id: 'm', role: 'assistant', model: 'c', content: [], usage: { input_tokens: 1 } },
  },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  ...['a', 'b'].map((text) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
  { type: 'content_block_stop', index: 0 },
  { type: 'content_block_start', index: 1, content_block: { type: 'tool_use', id: 't', name: 'f', input: {} } },
  { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: '{}' } },
  { type: 'content_block_stop', index: 1 },
  { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 2 } },
  { type: 'message_stop' },
];
const DELTA = 'data: {"choices":[{"delta":{"content":"Call"}}]}';
const PROMPT_FILES = [
  'Triage this claim:\n{{claim}}\n',
  '---\ntype: chat\nmodel: {name: small, temperature: 0.5, max_output_tokens: 800}\nvars:\n  claim: {type: string, max: 20000}\n  locale: {default: en}\nacl: {invoke: ["grp:support"]}\nmessages: true\n---\n# system\n\nYou answer in {{locale}}.\n\n# user\n{{claim}}\n',
  '---\nvars: {a: &x {max: 5}, b: *x}\n---\nx',
  'Write \\{{x}} here {{y}}\n',
  '\uFEFF---\r\nmessages: true\r\n---\r\n\r\nx\r\n',
];

/** Target by target: what its seeds are. */
const SEEDS = {
  answer: [`${JSON.stringify({ ...answer, evidence: { ...answer.evidence, directory: 'x', root: ['x'] } })}\n`],
  'answer-text': answer.evidence.deltas.map((delta) => Buffer.concat([Buffer.of(3), bytesOf(delta)])),
  'anthropic-events': [
    MESSAGE,
    MESSAGE.toSpliced(2, 0, { type: 'ping' }),
    MESSAGE.toSpliced(-1, 1),
    MESSAGE.toSpliced(0, 1),
    [MESSAGE[0], { type: 'error', error: { type: 'overloaded_error' } }],
  ].map((events) => events.map((event) => JSON.stringify(event)).join('\n')),
  'app-requests': [
    { model: 'small', messages: [{ role: 'user', content: 'Hello' }], temperature: 0.5, stop: ['END'], user: 'u' },
    {
      model: 'small',
      input: [
        { role: 'user', content: [{ type: 'input_image', image_url: 'data:image/png;base64,AAAA' }] },
        { type: 'function_call', call_id: 'call_1', name: 'look', arguments: '{}' },
        { type: 'function_call_output', call_id: 'call_1', output: [{ type: 'input_text', text: 'rain' }] },
      ],
      tools: [{ type: 'function', name: 'look', parameters: { type: 'object' } }],
      text: { format: { type: 'json_schema', name: 'a', schema: {} } },
      include: ['reasoning.encrypted_content'],
    },
    { prompt: { id: 'claims/triage', version: '3', variables: { claim: 'wet' } }, store: false },
    {
      model: 'prompt:claims/triage@production',
      max_tokens: 9,
      messages: [
        { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'look', input: {} }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', is_error: true, content: 'rain' }] },
      ],
      tools: [{ name: 'look', input_schema: { type: 'object' }, cache_control: { type: 'ephemeral' } }],
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
      metadata: { bulla_vars: '{"claim":"wet"}' },
    },
  ].map((body) => JSON.stringify(body)),
  'audit-entry': [
    ...begins.slice(0, 15),
    ...entries.filter((entry) => !entry.includes('log.begin')).slice(0, 2),
    ...casesOf('audit-stream').map(({ leaf }) => leaf),
  ],
  base64: ['AA==', 'AAA=', 'AAAA', 'AB==', '+/+/', 'AA', '=AAA'],
  base64url: ['AA', 'AAA', 'AAAA', 'AB', '-_-_', 'AA==', 'A'],
  bundle: readable(bundleOf, ...bundles),
  checkpoint: [...note.cases.map(({ note: text }) => text), ...checkpoints.slice(0, 2)].map((text) =>
    text.slice(0, text.lastIndexOf('\n\n') + 1),
  ),
  'compact-text': [
    tokens('tag')[0],
    load('tag').cases[0].tokens[0],
    tokens('grant')[0],
    tokens('locked-key')[0],
    tokens('envelope')[0],
    replies[0].fin,
    questions[0],
  ].filter(Boolean),
  content: readable(jwe, ...tokens('content')),
  deposit: readable(jwe, ...words('deposit')),
  der: publicJwks.map(spki),
  'directory-freshness': readable(jws, ...words('directory-freshness')),
  directory: readable(document, ...documents.map(({ directory }) => directory)),
  'document-text': documents.flatMap(({ roots, policy }) => [...roots, policy]),
  envelope: readable(jws, ...tokens('envelope')),
  'event-stream': [
    `\x05event: bulla.head\ndata: e30\n\nevent: bulla.frame\nid: 0\ndata: AAAA\n\nevent: bulla.final\ndata: AAAA\n\n`,
    `\x01: heartbeat\n\n${DELTA}\r\n\r\nretry: 10\n\n`,
    `\x02data: \u00e4\u{1f512}\n\n`,
  ],
  'frame-padding': [
    Buffer.concat([Buffer.from('a delta'), Buffer.of(1), Buffer.alloc(56)]),
    Buffer.concat([Buffer.of(2), Buffer.alloc(63)]),
  ],
  frontier: merkle.trees.map(({ size, frontier }) => lines(String(size), bytesOf(frontier))),
  grant: readable(jwe, ...tokens('grant')),
  'inner-invocation': readable(jws, ...(await openedQuestions())),
  'inner-letter': [
    { alg: 'ES256', name: 'letter.txt' },
    { alg: 'PS256' },
    { alg: 'ES256', name: '../letter' },
    { alg: 'Ed25519' },
  ].map(({ alg, name }) =>
    lines(
      JSON.stringify({
        alg,
        typ: 'bulla-letter+jws',
        kid: 'ZmQ0X5f0BfnnWKJhGMqtWb7JwRC7yWbQZ3rYxLqkGbc',
        aud: 'A'.repeat(43),
        iat: 1_795_608_000,
        name,
      }),
      'Dear Alice',
      Buffer.alloc(64, 1),
    ),
  ),
  invocation: readable(jwe, ...questions),
  'invitation-code': [...enrolment, ...enrolment.map((code) => bytesOf(code.slice('bulla1_'.length)))],
  kek: readable(wrapped, ...wraps('kek')),
  'kek-wrap': readable(wrapped, ...wraps('kek-wrap')),
  'key-file': [
    ...publicJwks.flatMap((jwk) => [JSON.stringify(jwk), spki(jwk), pem(jwk)]),
    ...letterKeys.map(({ sig, enc }) => JSON.stringify({ keys: [publicOf(sig), publicOf(enc)] })),
    ...letterKeys.slice(0, 1).flatMap(({ sig }) => [JSON.stringify(sig), pkcs8(sig)]),
    JSON.stringify(keys[0].privateJwk),
    pkcs8(keys[0].privateJwk),
    encryptedKey(),
  ],
  'label-freshness': readable(jws, ...words('label-freshness')),
  letter: readable(jwe, ...letters.cases.map(({ token }) => token)),
  'locked-key': readable(jwe, ...tokens('locked-key')),
  'log-name': [
    ...new Set(numbered.cases.flatMap(({ expected }) => expected.logs.map(({ origin }) => origin))),
    'bulla/3fa95c07d1e8264b/acme/responder:eu1/audit/999999999',
    'bulla/3fa95c07d1e8264b/acme/vault/audit/01',
    'bulla/3FA95C07D1E8264B/acme/vault/audit/1',
    'urn:bulla:acme:svc:responder:eu1/audit/12',
    'urn:bulla:acme:svc:vault/audit/0',
  ],
  'log-proof': [note.proof.text, note.proof.text.replace('\n', '\nextra AA==\n')],
  'mark-folder': [
    { v: 1, urn: acme.entities.vault.urn, kid: 'A'.repeat(43), log: 1 },
    { v: 1, urn: 'urn:bulla:acme:svc:responder:eu1', kid: 'A'.repeat(43), log: 999_999_999 },
    { v: 1, urn: acme.entities.vault.urn, kid: 'A'.repeat(43), log: 0 },
    { v: 2, urn: acme.entities.vault.urn, kid: 'A'.repeat(43), log: 1 },
  ].map((folder) => `${JSON.stringify(folder)}\n`),
  'masked-text': [
    '\x02Write to ada@example.org, +49 30 901820, or 4111 1111 1111 1111.',
    '\x07<EMAIL_1_k3f7> DE89 3704 0044 0532 0130 00 86095742719 12345678Z 8.8.4.4 <',
    '\x01{"a\\u003c": ["ada@example.org", 12.50, "\\\\"]}',
    '\x04-----BEGIN PRIVATE KEY----- AAAA -----END PRIVATE KEY----- eyJhbGciOiJub25lIn0.e30. sk-proj-0123456789abcdefghij',
  ],
  'merkle-proof': merkle.inclusion.map(({ index, size, leaf, proof }) =>
    lines(`${index} ${size}`, Buffer.concat([leaf, ...proof].map(bytesOf))),
  ),
  names: [
    acme.entities.owner.urn,
    acme.entities.vault.urn,
    acme.entities.eu1.urn,
    'urn:bulla:acme',
    'urn:bulla:acme:recovery',
    ...acme.prompts,
    'claims/triage',
    'vault.acme.example:443',
    '[::1]:80',
    'letter.txt',
  ],
  note: [...note.cases.map(({ note: text }) => text), ...checkpoints.slice(0, 2)],
  'note-key': note.keys,
  parameters: [
    '{"temperature":0.5,"seed":-7,"stop":["a"],"logit_bias":{"50256":-100},"tool_choice":{"type":"function","function":{"name":"f"}}}',
    '{"tools":[{"type":"function","function":{"name":"f","strict":null,"parameters":"{\\"properties\\":{\\"constructor\\":{}}}"}}]}',
    '{"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":"{}"}}}',
    '{"tools":[{"type":"function","function":{"name":"f","parameters":"[]"}}]}',
  ],
  pem: publicJwks.map((jwk) => `a key\n${pem(jwk)}and more\r\n${pem(jwk)}`),
  policy: readable(document, ...documents.map(({ policy }) => policy)),
  'prompt-file': PROMPT_FILES,
  'public-keys': tokens('public-keys'),
  'reply-fin': readable(jws, ...replies.map(({ fin }) => fin), ...telling.slice(0, 1)),
  'reply-head': replies.flatMap(({ head }) => (head === undefined ? [] : bytesOf(head))),
  'request-bodies': requestBodies(),
  'request-queries': [
    'limit=50&cursor=abc',
    'name=claims/triage',
    'org=acme&n=1',
    `id=${acme.prompts[0]}&n=3`,
    'idempotency-key=0123456789abcdef&if-match=%223%22',
  ],
  'request-signature': http.requests.map(requestOf),
  'response-signature': http.responses.map(responseOf),
  root: readable(document, ...documents.flatMap(({ roots }) => roots)),
  'sealed-share': readable(jwe, shares.sealed.token),
  share: readable(jws, ...shares.cases.map(({ share }) => share)),
  'sealed-frames': [
    lines(
      JSON.stringify({
        v: 1,
        iss: 'urn:bulla:acme:svc:responder:eu1',
        irt: { jti: 'inv_01kaw7g0f8e5tte8wk4s2z9y7c', rh: 'A'.repeat(43) },
        rn: 'A'.repeat(43),
        enc: 'A256GCM',
        max: 16_384,
      }),
      Buffer.alloc(128, 1),
    ),
  ],
  // Only the first of the good ones is under the key that the target has.
  'sealed-stream': casesOf('chunked')
    .filter(({ result }, at) => at === 0 || result !== 'valid')
    .flatMap(({ sealed }) => [9, 255].map((length) => Buffer.concat([Buffer.of(length), bytesOf(sealed)]))),
  statement: readable(jws, ...tokens('statement')),
  'strict-json': [
    '{"a":1,"b":[true,null,"x"],"c":{"d":-1.5}}',
    '[]',
    '""',
    '0',
    '{"a":"\\u0007\\"\\\\"}',
    '{"a":1,"a":2}',
    '1e400',
    '[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]',
    // A mark of a numbered log, and the first one of it.
    JSON.stringify({ v: 2, note: checkpoints[0] }),
    JSON.stringify({ v: 2, note: checkpoints[0], first: begins[0] }),
  ],
  'strict-json-body': [
    ' { "a" : 1.0 , "b" : [ true ] } ',
    '{"a":{"b":1},"c":{"b":2}}',
    '{"a":"\\u0061\\/"}',
    '{"a":1,"a":2}',
    '-0',
    '{"__proto__":1}',
  ],
  // Of each part that may be wrong, and the first good one: that is the text which the target knows.
  'streamed-letter': streamed
    .filter(({ expected }, at) => at === 0 || (expected.ok === undefined && at % 4 === 0))
    .flatMap(({ input }, at) =>
      (at === 0 ? [9, 255] : [9]).map((length) => Buffer.concat([Buffer.of(length), bytesOf(input.sealed)])),
    ),
  tag: readable(jws, ...casesOf('tag').flatMap(({ tokens: all }) => all)),
  template: ['Hello {{name}}', '\\{{x}} {{y}} \\\\{{z}}', '{{', '}}{{a}}{{b}}'],
  tile: [
    ...Object.entries(tiles.files).map(([path, bytes]) => lines(path, bytesOf(bytes))),
    ...tiles.paths.map(({ path }) => lines(path, '')),
    ...tiles.refused.slice(0, 4).map((path) => lines(path, '')),
    lines('tile/entries/x001/000.p/1', Buffer.of(0, 0)),
  ],
  'upstream-chunk': [
    '{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":1,"delta":{"role":"assistant","content":"b","reasoning":"so"},"logprobs":{"content":[{"token":"b","logprob":-0.5}]}}],"service_tier":"x"}',
    '{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]}}]}\n{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":1}}}',
    '{"choices":[{"delta":{"content":null,"refusal":"no"},"finish_reason":""}],"odd":{"prototype":1}}',
    '{"choices":[{"index":0},{"index":0}]}',
    ['a', 'b', '"'].map((content) => JSON.stringify({ choices: [{ delta: { content }, logprobs: null }] })).join('\n'),
  ],
  'upstream-events': [
    `\x05${DELTA}\n\n: waiting\n\n${DELTA}\n\ndata: [DONE]\n\n`,
    `\x02${DELTA}\r\n\r\ndata: \u00e4\u{1f512}\n\n`,
    `\x01${DELTA}\n\n<html>\n`,
  ],
  'witness-key': load('cosignature').witnesses,
};

for (const [target, seeds] of Object.entries(SEEDS)) {
  const folder = join(CORPUS, target);
  mkdirSync(folder, { recursive: true });
  for (const old of globSync('seed-*', { cwd: folder })) rmSync(join(folder, old));
  const distinct = new Map(seeds.map((seed) => [Buffer.from(seed).toString('base64'), Buffer.from(seed)]));
  const small = [...distinct.values()].filter(({ length }) => length <= FILE_BYTES_MAX).slice(0, PER_TARGET_MAX);
  for (const [at, seed] of small.entries())
    writeFileSync(join(folder, `seed-${String(at + 1).padStart(2, '0')}`), seed);
  process.stdout.write(`${target}: ${small.length} seeds\n`);
}
