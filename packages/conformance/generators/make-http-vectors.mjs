/** Vectors of HTTP signatures for each suite: with `node:crypto`, by docs/spec/http-signature.md. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { publicOf, signatureOf, thumbprint } from './raw-tokens.mjs';
import { publish, read } from './published.mjs';

const { values: known } = read('crossings.json');
const KEYS = {
  rsa2048: known['rsa2048.sig'],
  rsa3072: known['rsa3072.sig'],
  p256: known['p256.sig'],
  ed25519: generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }),
};
const stranger = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
const values = Object.fromEntries(Object.entries(KEYS).map(([suite, jwk]) => [suite, publicOf(jwk)]));

const NOW = 1_800_000_000;
const DEVICE = 'urn:bulla:acme:dev:dev_01kaw7g0f8e5tte8wk4s7qyxv1';
const VAULT = 'urn:bulla:acme:svc:vault';
const NONCE = 'AAECAwQFBgcICQoLDA0ODw';
const digestOf = (body) => `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
const BODY = '{"name":"claims/triage"}';
const POST = {
  method: 'POST',
  authority: 'vault.acme.example',
  path: '/api/v1/envelopes',
  query: '?dry=1&x=a%20b',
  headers: {
    'content-type': 'application/json',
    'content-digest': digestOf(BODY),
    'idempotency-key': '0b9fe0c2-5a0f-4b0e-8d3c-1f6a2b7c9d10',
  },
  body: BODY,
};
const GET = { method: 'GET', authority: 'vault.acme.example:4100', path: '/api/v1/prompts', query: '?', headers: {} };
const TARGET = ['@method', '@authority', '@path', '@query'];
const FIELDS = ['content-type', 'content-digest', 'idempotency-key'];
const CONDITIONAL = ['if-match', 'prefer', 'last-event-id'];

/** The message with Signature-Input and Signature over these `[component, value]` and parameters. */
function signedMessage(message, covered, params, jwk) {
  const input = `(${covered.map(([name]) => name).join(' ')})${params}`;
  const base = [...covered.map(([name, value]) => `${name}: ${value}`), `"@signature-params": ${input}`].join('\n');
  const signature = `bulla=:${signatureOf(base, jwk).toString('base64')}:`;
  return { ...message, headers: { ...message.headers, 'signature-input': `bulla=${input}`, signature } };
}
const targetOf = ({ method, authority, path, query }, flags = '') =>
  [method, authority, path, query].map((value, index) => [`"${TARGET[index]}"${flags}`, value]);

/** A request as its sender signs it, with changed parameters. */
function request(message, jwk, changes = {}) {
  const fields = [...(message.body === undefined ? [] : FIELDS), ...CONDITIONAL];
  const covered = fields.flatMap((name) => (name in message.headers ? [[`"${name}"`, message.headers[name]]] : []));
  const tag = message.body === undefined ? 'bulla-get-1' : 'bulla-req-1';
  const {
    created = NOW,
    expires = NOW + 60,
    nonce = NONCE,
    keyid = `${DEVICE}#${thumbprint(jwk)}`,
    more = '',
  } = changes;
  const params = `;created=${created};expires=${expires};nonce="${nonce}";keyid="${keyid}";tag="${changes.tag ?? tag}"${more}`;
  return signedMessage(message, [...targetOf(message), ...covered], params, jwk);
}

const withHeaders = (message, headers) => {
  const all = Object.entries({ ...message.headers, ...headers }).filter(([, value]) => value !== undefined);
  return { ...message, headers: Object.fromEntries(all) };
};
const edited = (message, name, from, to) => withHeaders(message, { [name]: message.headers[name].replace(from, to) });

function requests(suite) {
  const jwk = KEYS[suite];
  const [post, get] = [request(POST, jwk), request(GET, jwk)];
  const conditional = withHeaders(GET, { 'if-match': '"3"', prefer: 'respond-async' });
  const flipped = Buffer.from(post.headers.signature.slice(7, -1), 'base64');
  flipped[0] ^= 1;
  const valid = { post, get, 'conditional fields': request(conditional, jwk) };
  const signature_invalid = {
    'another method': { ...post, method: 'PUT' },
    'another authority': { ...post, authority: 'vault.globex.example' },
    'another path': { ...post, path: '/api/v1/envelopes/' },
    'another query': { ...post, query: '?' },
    'another body': { ...post, body: BODY.replace('triage', 'triag3') },
    'another body and its digest': withHeaders({ ...post, body: '{}' }, { 'content-digest': digestOf('{}') }),
    'another content-type': withHeaders(post, { 'content-type': 'text/plain' }),
    'another idempotency-key': withHeaders(post, { 'idempotency-key': 'f00' }),
    'another nonce': edited(post, 'signature-input', NONCE, 'BBECAwQFBgcICQoLDA0ODw'),
    'another time': edited(post, 'signature-input', `created=${NOW}`, `created=${NOW + 1}`),
    'a flipped bit of the signature': withHeaders(post, { signature: `bulla=:${flipped.toString('base64')}:` }),
    'the signature of another request': withHeaders(get, {
      signature: request({ ...GET, path: '/' }, jwk).headers.signature,
    }),
    'the signature of another key': request(POST, stranger, { keyid: `${DEVICE}#${thumbprint(jwk)}` }),
    'a keyid of another key': request(POST, jwk, { keyid: `${DEVICE}#${thumbprint(stranger)}` }),
  };
  const token_malformed = {
    'no signature beside its input': withHeaders(post, { signature: undefined }),
    'no input beside the signature': withHeaders(post, { 'signature-input': undefined }),
    'a method that the profile does not have': { ...get, method: 'OPTIONS' },
    'a GET with a body': { ...get, body: '{}' },
    'a POST without a body': { ...post, body: '' },
    'no content-digest': withHeaders(post, { 'content-digest': undefined }),
    'no idempotency-key': withHeaders(post, { 'idempotency-key': undefined }),
    'a digest by SHA-512 too': withHeaders(post, {
      'content-digest': `${POST.headers['content-digest']}, sha-512=:AA==:`,
    }),
    'a content-encoding': withHeaders(post, { 'content-encoding': 'gzip' }),
    'a conditional field that is not covered': withHeaders(get, { 'if-match': '"3"' }),
    'a parameter alg': request(POST, jwk, { more: ';alg="ed25519"' }),
    'a life of 61 seconds': request(POST, jwk, { expires: NOW + 61 }),
    'an end before its beginning': request(POST, jwk, { expires: NOW - 1 }),
    'a nonce of 15 bytes': request(POST, jwk, { nonce: 'AAECAwQFBgcICQoLDA0O' }),
    'the tag of reads on a change': request(POST, jwk, { tag: 'bulla-get-1' }),
    'a keyid without a key': request(POST, jwk, { keyid: DEVICE }),
    'another label': edited(edited(post, 'signature-input', 'bulla=', 'sig1='), 'signature', 'bulla=', 'sig1='),
    'two signatures': edited(post, 'signature', /$/, `, sig1=:AA==:`),
    'a component less': edited(post, 'signature-input', ' "@query"', ''),
    'components in another order': edited(post, 'signature-input', '"@path" "@query"', '"@query" "@path"'),
  };
  const unauthenticated = { 'not signed': withHeaders(post, { signature: undefined, 'signature-input': undefined }) };
  const at = (message, now, name, refused) => [[suite, name].join(': '), message, now, refused];
  const cases = Object.entries({ signature_invalid, token_malformed, unauthenticated }).flatMap(([code, messages]) =>
    Object.entries(messages).map(([name, message]) => at(message, NOW, name, code)),
  );
  cases.push(at(post, NOW - 61, 'a clock that is 61 seconds ahead', 'clock_skew'));
  cases.push(at(post, NOW + 121, '61 seconds past its end', 'clock_skew'));
  const inputOf = (message, now) => ({ request: message, key: `@${suite}`, now });
  const ok = (tag) => ({ ok: { keyid: `${DEVICE}#${thumbprint(jwk)}`, tag, nonce: NONCE } });
  const good = Object.entries(valid).map(([name, message]) => [`${suite}: ${name}`, message, NOW]);
  good.push(
    [`${suite}: 60 seconds past its end`, post, NOW + 120],
    [`${suite}: a clock that is 60 seconds ahead`, post, NOW - 60],
  );
  return [
    ...good.map(([name, message, now]) => ({
      op: 'verify',
      name,
      input: inputOf(message, now),
      expected: ok(message.body === undefined ? 'bulla-get-1' : 'bulla-req-1'),
    })),
    ...cases.map(([name, message, now, refused]) => ({
      op: 'verify',
      name,
      input: inputOf(message, now),
      expected: { refused },
    })),
  ];
}

function responses(suite) {
  const jwk = KEYS[suite];
  const { headers, body: _body, ...target } = request(POST, KEYS.ed25519);
  const asked = { ...target, signature: headers.signature.slice('bulla='.length) };
  const respond = (message, { keyid = `${VAULT}#${thumbprint(jwk)}`, key = jwk, to = asked, more = '' } = {}) => {
    const fields = message.body === undefined ? [] : ['content-type', 'content-digest'];
    const covered = [
      ['"@status"', message.status],
      ...fields.map((name) => [`"${name}"`, message.headers[name]]),
      ...targetOf(to, ';req'),
      ['"signature";req;key="bulla"', to.signature],
    ];
    return signedMessage(message, covered, `;created=${NOW};keyid="${keyid}";tag="bulla-res-1"${more}`, key);
  };
  const body = '{"code":"forbidden"}';
  const full = {
    status: 403,
    headers: { 'content-type': 'application/problem+json', 'content-digest': digestOf(body) },
    body,
  };
  const empty = { status: 204, headers: {} };
  const good = respond(full);
  const { body: _content, ...emptied } = good;
  const refusals = {
    signature_invalid: {
      'another status': { ...good, status: 200 },
      'another body': { ...good, body: body.replace('forbidden', 'not_found') },
      'to another request': respond(full, { to: { ...asked, signature: ':AAAA:' } }),
      'to a request for another path': respond(full, { to: { ...asked, path: '/' } }),
      'the signature of another key': respond(full, { key: stranger }),
      'another time': edited(good, 'signature-input', `created=${NOW}`, `created=${NOW + 1}`),
    },
    key_unknown: {
      'another service': respond(full, { keyid: `urn:bulla:acme:svc:responder:eu1#${thumbprint(jwk)}` }),
      'a key that nobody knows': respond(full, { keyid: `${VAULT}#${thumbprint(stranger)}` }),
    },
    token_malformed: {
      'not signed': full,
      'content taken away': emptied,
      'content added': {
        ...respond(empty),
        status: 200,
        headers: { ...respond(empty).headers, ...full.headers },
        body,
      },
      'a parameter alg': respond(full, { more: ';alg="ed25519"' }),
      'a content-encoding': withHeaders(good, { 'content-encoding': 'gzip' }),
      'a 204 with content': { ...good, status: 204 },
      'a status that is not final': { ...good, status: 100 },
    },
  };
  const inputOf = (response) => ({ response, request: asked, urn: VAULT, key: `@${suite}`, now: NOW });
  const ok = { keyid: `${VAULT}#${thumbprint(jwk)}`, created: NOW };
  return [
    { op: 'verify', name: `${suite}: with content`, input: inputOf(good), expected: { ok } },
    { op: 'verify', name: `${suite}: without content`, input: inputOf(respond(empty)), expected: { ok } },
    ...Object.entries(refusals).flatMap(([refused, messages]) =>
      Object.entries(messages).map(([name, message]) => ({
        op: 'verify',
        name: `${suite}: ${name}`,
        input: inputOf(message),
        expected: { refused },
      })),
    ),
  ];
}

for (const [format, make] of Object.entries({ 'http-request': requests, 'http-response': responses })) {
  publish(`${format}.json`, { format, values, cases: Object.keys(KEYS).flatMap(make) });
}
