import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Change, Party, PlainRequest } from '../../test/messages.js';
import {
  DEVICE,
  edit,
  GET,
  input,
  makeParty,
  NOW,
  parse,
  POST,
  put,
  set,
  signPlain,
  withHeaders,
} from '../../test/messages.js';

let device: Party;
let post: PlainRequest;

beforeAll(async () => {
  device = await makeParty(DEVICE);
  post = await signPlain(withHeaders(POST, { 'if-match': '"3"' }), device);
});

describe('parseRequestSignature refuses', () => {
  it.each<[string, Change]>([
    // [red] What changes the meaning of a request must not ride along unsigned.
    ['if-match that was sent uncovered [guard: http-components] [guard: http-conditional]', input(' "if-match"', '')],
    ['prefer that was added after signing [refuses: fields-uncovered]', set({ prefer: 'respond-async' })],
    ['last-event-id that was added after signing [refuses: fields-uncovered]', set({ 'last-event-id': '4' })],
    ['if-match that was taken away after signing', set({ 'if-match': undefined })],
    ['an empty if-match', set({ 'if-match': '' })],
    // [red] A thumbprint alone can be claimed by another organisation.
    ['a bare thumbprint as keyid [guard: http-keyid]', input(`${DEVICE}#`, '')],
    ['a keyid with a second fragment', input(`${DEVICE}#`, `${DEVICE}#x#`)],
    ['a keyid of something that holds no keys', input(`${DEVICE}#`, 'urn:bulla:acme#')],
    ['a keyid of a malformed URN', input('urn:bulla:acme', 'urn:bulla:ACME')],
    ['other components', input(' "idempotency-key"', '')],
    ['one component more', input('"if-match")', '"if-match" "date")')],
    ['a component twice', input('"if-match")', '"if-match" "if-match")')],
    ['components in another order', input('"@path" "@query"', '"@query" "@path"')],
    ['a component with a parameter', input('"if-match")', '"if-match";sf)')],
    ['white space in the list', input('("@method"', '( "@method"')],
    ['an alg parameter', input(';keyid=', ';alg="ed25519";keyid=')],
    ['an unknown parameter', input(/$/, ';x=1')],
    ['no expires', input(/;expires=\d+/, '')],
    ['no nonce', input(/;nonce="[^"]+"/, '')],
    ['parameters in another order', input(/;(created=\d+);(expires=\d+)/, ';$2;$1')],
    ['a life of 61 seconds [guard: http-life]', input(`expires=${NOW + 60}`, `expires=${NOW + 61}`)],
    ['a life of no time', input(`expires=${NOW + 60}`, `expires=${NOW}`)],
    ['a time with a leading zero', input('created=', 'created=0')],
    ['a negative time', input('created=', 'created=-')],
    ['a time in fractions', input(`created=${NOW}`, `created=${NOW}.0`)],
    ['a nonce of 120 bits [guard: http-nonce]', input(/nonce="[^"]+"/, 'nonce="AAAAAAAAAAAAAAAAAAAA"')],
    ['a nonce that is not canonical base64url', input(/nonce="[^"]+"/, 'nonce="AAAAAAAAAAAAAAAAAAAAAB"')],
    ['a nonce of more than 64 bytes', input(/nonce="[^"]+"/, `nonce="${'A'.repeat(87)}"`)],
    ['a keyid that is no quoted string', input(/keyid="[^"]+"/, 'keyid=urn')],
    ['the tag of a GET [guard: http-tag]', input('bulla-req-1', 'bulla-get-1')],
    ['the tag of an enrolment under a device key', input('bulla-req-1', 'bulla-enrol-1')],
    ['the tag of a response', input('bulla-req-1', 'bulla-res-1')],
    ['another label', (request) => edit('signature', 'bulla=', 'sig1=')(input('bulla=', 'sig1=')(request))],
    ['a second label', (request) => edit('signature', /$/, ', b=:AAAA:')(input(/$/, ', b=()')(request))],
    [
      'two Signature-Input fields',
      (request) =>
        set({ 'signature-input': `${request.headers['signature-input']}, ${request.headers['signature-input']}` })(
          request,
        ),
    ],
    [
      'two Signature fields',
      (request) => set({ signature: `${request.headers['signature']}, ${request.headers['signature']}` })(request),
    ],
    ['no Signature-Input', set({ 'signature-input': undefined })],
    ['no Signature', set({ signature: undefined })],
    ['a Signature with a parameter', edit('signature', /$/, ';x')],
    ['a Signature without padding', edit('signature', '==:', ':')],
    ['a Signature in base64url', edit('signature', /:.{4}/, ':A-_A')],
    ['a Signature that is a string', set({ signature: 'bulla="AAAA"' })],
    ['Content-Encoding [guard: http-encoding]', set({ 'content-encoding': 'identity' })],
    ['a Content-Digest by SHA-512', edit('content-digest', 'sha-256', 'sha-512')],
    [
      'two Content-Digests',
      (request) => edit('content-digest', /$/, `, ${request.headers['content-digest']}`)(request),
    ],
    ['a Content-Digest behind another', edit('content-digest', /^/, 'x-')],
    ['a Content-Digest in another spelling', edit('content-digest', /.=:$/, 'B=:')],
    ['no Content-Digest', set({ 'content-digest': undefined })],
    ['no Content-Type', set({ 'content-type': undefined })],
    ['a field value with a line break [guard: http-field]', set({ 'idempotency-key': 'a\n"if-match": "9"' })],
    ['a field value that is not ASCII', set({ 'idempotency-key': 'é' })],
    ['no body', put({ body: '' })],
    ['another method', put({ method: 'GET' })],
    ['a method outside the profile', put({ method: 'CONNECT' })],
    ['a method in lower case', put({ method: 'post' })],
    ['an authority in upper case [guard: http-authority]', put({ authority: 'VAULT.acme.example' })],
    ['an authority with a line break', put({ authority: 'vault.acme.example\n' })],
    ['a target in absolute form', put({ path: 'https://vault.acme.example/api' })],
    ['a path with a query in it [guard: http-target]', put({ path: '/api?x=1' })],
    ['a path with a space', put({ path: '/api v1' })],
    ['a query without its question mark', put({ query: 'x=1' })],
    ['a query with its question mark in the middle', put({ query: 'x?y=1' })],
    ['a fragment', put({ query: '?x#y' })],
  ])('%s', (_name, change) => {
    expect(() => parse(change(post))).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it.each<[string, PlainRequest['method'], Change]>([
    ['a body', 'GET', put({ body: '{}' })],
    ['a body', 'HEAD', put({ body: '{}' })],
    ['a body added after signing [guard: http-body]', 'DELETE', put({ body: '{}' })],
    ['a Content-Length [guard: http-bodyless]', 'DELETE', set({ 'content-length': '2' })],
    ['a Transfer-Encoding', 'GET', set({ 'transfer-encoding': 'chunked' })],
    ['a Content-Type', 'GET', set({ 'content-type': 'application/json' })],
    ['a Content-Digest', 'DELETE', set({ 'content-digest': 'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:' })],
    ['an Idempotency-Key', 'DELETE', set({ 'idempotency-key': 'k' })],
  ])('%s on %s', async (_name, method, change) => {
    const signed = await signPlain({ ...GET, method }, device);
    expect(parse(signed).tag).toBe('bulla-get-1');
    expect(() => parse(change(signed))).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it('a request that is not signed, as such', () => {
    expect(() => parse(POST)).toThrow(expect.objectContaining({ code: 'unauthenticated' }));
    expect(() => parse(GET)).toThrow(expect.objectContaining({ code: 'unauthenticated' }));
  });
});
