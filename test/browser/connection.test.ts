import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { ByteTransform, CryptoError, SuiteId } from '@bulla/crypto';
import {
  ALL_SUITES,
  encodeBase64url,
  generateKeyPair,
  loadSigner,
  mintId,
  newStreamKey,
  sealedLength,
  sealStream,
  utf8,
  verifyingKeyOf,
} from '@bulla/crypto';
import { checkSignatureTimes, parseRequestSignature, signResponse, verifyRequestSignature } from '@bulla/crypto/http';
import { keyMaterialOf } from '@bulla/crypto/key-files';
import { openStream } from '@bulla/crypto/open';
import { findChromium } from '@bulla/testkit/chromium';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type ChromiumSide, startChromiumSide } from './sides.js';

/** 192 whole chunks and a short one. */
const CONTENT = randomBytes(3 * 1024 * 1024 + 5);
const CONTEXT = 'a context';
const streamKey = newStreamKey();
const options = { key: streamKey, context: utf8(CONTEXT) };
const task = { key: encodeBase64url(streamKey.reveal()), context: CONTEXT, from: '/from', to: '/to' };
const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

// Where no browser is installed these tests cannot mean anything.
(findChromium() === undefined ? describe.skip : describe)('over the connection of a page', () => {
  let chromium: ChromiumSide;
  const files = new Map<string, Buffer>();
  const file = (path: string) => files.get(path) ?? Buffer.of();
  beforeAll(async () => {
    chromium = await startChromiumSide();
  });
  afterAll(() => chromium.stop());
  beforeEach(() => {
    files.clear();
    chromium.server.answer = async ({ method, url, body }) => {
      if (method === 'PUT') files.set(url, body);
      return { status: 200, body: file(url) };
    };
  });

  it('a stream is opened that Node sealed', async () => {
    files.set('/from', await through(CONTENT, sealStream(options)));
    expect(await chromium.run('stream', { how: 'open', ...task })).toHaveProperty('pieces');
    expect(hashOf(file('/to'))).toBe(hashOf(CONTENT));
  });

  it('a stream is sealed that Node opens', async () => {
    files.set('/from', CONTENT);
    expect(await chromium.run('stream', { how: 'seal', ...task })).toHaveProperty('pieces');
    expect(file('/to')).toHaveLength(sealedLength(CONTENT.length));
    expect(hashOf(await through(file('/to'), openStream(options)))).toBe(hashOf(CONTENT));
  });

  it.each([
    ['with a bit flipped in its last chunk', (sealed: Buffer) => flipped(sealed, sealed.length - 1), task],
    ['with a bit flipped in its header', (sealed: Buffer) => flipped(sealed, 30), task],
    ['cut after a chunk', (sealed: Buffer) => sealed.subarray(0, 56 + 2 * (16_384 + 16)), task],
    [
      'without its first chunk',
      (sealed: Buffer) => Buffer.concat([sealed.subarray(0, 56), sealed.subarray(56 + 16_400)]),
      task,
    ],
    ['of another context', (sealed: Buffer) => sealed, { ...task, context: 'another' }],
  ])('a stream is refused as in Node: %s', async (_name, change, asked) => {
    const sealed = change(await through(CONTENT, sealStream(options)));
    files.set('/from', sealed);
    const outcome = await chromium.run('stream', { how: 'open', ...asked });
    const refused = await codeOf(through(sealed, openStream({ key: streamKey, context: utf8(asked.context) })));
    expect(refused).toMatch(/^(open_failed|stream_truncated)$/);
    expect(outcome).toMatchObject({ refused });
    expect(files.has('/to')).toBe(false);
  });

  it.each(ALL_SUITES)(
    'a request and its response are signed on $id, and no other response is taken',
    async ({ id }) => {
      const device = await partyOf(`urn:bulla:acme:dev:${mintId('dev')}`, id);
      const vault = await partyOf('urn:bulla:acme:svc:vault', id);
      const seen: string[] = [];
      let sent = '{"answer":1}';
      chromium.server.answer = async ({ method, url, headers, body }) => {
        const { host: authority, pathname: path, search: query } = new URL(url, chromium.server.url);
        const header = (name: string) => headers[name]?.toString();
        const parsed = parseRequestSignature({ method, authority, path, query, header, body: Uint8Array.from(body) });
        const request = await verifyRequestSignature(parsed, device.key);
        checkSignatureTimes(parsed, nowSeconds());
        seen.push(`${parsed.keyid} ${url} ${body.toString()}`);
        const answer = { status: 200, contentType: 'application/json', body: utf8('{"answer":1}'), request };
        const fields = await signResponse(answer, { ...vault, now: nowSeconds() });
        return { status: 200, headers: { 'content-type': 'application/json', ...fields }, body: utf8(sent) };
      };
      const { keyid, jwk, key } = device;
      const asked = { keyid, jwk, alg: key.alg, path: '/api/v1/runs?dry=1', body: '{"text":"Grüß Gott"}' };
      const call = () => chromium.run('call', { ...asked, urn: vault.urn, key: vault.key.jwk });
      expect(await call()).toMatchObject({ body: sent, verdict: { ok: { keyid: vault.keyid } } });
      expect(seen).toEqual([`${keyid} ${asked.path} ${asked.body}`]);
      sent = '{"answer":2}';
      expect(await call()).toMatchObject({ body: sent, verdict: { refused: 'signature_invalid' } });
    },
  );

  it('made no complaint on the console', () => expect(chromium.complaints).toEqual([]));
});

async function through(bytes: Uint8Array, transform: ByteTransform): Promise<Buffer> {
  const source = Readable.toWeb(Readable.from([bytes])) as unknown as ReadableStream<Uint8Array>;
  return buffer(source.pipeThrough(transform));
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

function codeOf(opening: Promise<unknown>): Promise<string> {
  return opening.then(
    () => 'opened',
    (error: unknown) => (error as CryptoError).code,
  );
}

const nowSeconds = () => Math.floor(Date.now() / 1000);

/** Somebody who signs HTTP messages. */
async function partyOf(urn: string, suite: SuiteId) {
  const { kid, privateJwk: jwk } = await generateKeyPair(suite, 'sig');
  const key = verifyingKeyOf([await keyMaterialOf(jwk, 'sig')]);
  return { urn, keyid: `${urn}#${kid}`, jwk, key, signer: await loadSigner(jwk, key.alg) };
}
