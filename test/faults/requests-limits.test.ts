import { connect, type Socket } from 'node:net';
import { mintId } from '@bulla/crypto';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { exchangeRaw } from '@bulla/service-kit/testing';
import { tagOf } from '../../services/vault/test/authoring.js';
import { Author } from './author.js';
import { until } from './fault-watch.js';
import { query } from './postgres-control.js';
import { type ResponderWorld, startResponderWorld } from './responder-world.js';
import { call, type HttpAnswer } from './signed-requests.js';
import { startVaultWorld, type VaultWorld } from './vault-world.js';

// F45, F46 and every limit of the contract, reached over connections to services in processes of their own.

const databases = [await databaseForTest(), await databaseForTest()];
const [vaultUrl = '', responderUrl = ''] = databases.map(({ url }) => url ?? '');
const withServer = vaultUrl === '' ? describe.skip : describe;
let vault: VaultWorld;
let responder: ResponderWorld;

const token = (length: number) => 'a'.repeat(length);
const many = (length: number) => Array.from({ length }, () => 'a');
const prompt = mintId('prm');
const BUNDLE = { v: 1, env: 'a.a.a', grant: 'a.a.a.a.a', content: 'a.a.a.a.a', tags: [] };

/** A signed request to a route with something of a size, and where it is too large. */
interface Sized {
  readonly name: string;
  readonly max: number;
  readonly pointer: string;
  readonly send: (size: number) => Promise<HttpAnswer>;
}
const toVault = (method: string, path: string, body: (size: number) => object) => (size: number) =>
  call(vault.vault.url, vault.organisation.owner, method, path, { body: body(size), headers: { 'if-match': '"1"' } });
const toResponder = (body: (size: number) => object) => (size: number) =>
  call(responder.responder.url, responder.organisation.invoker, 'POST', '/api/v1/invocations', { body: body(size) });
const versions = `/api/v1/prompts/${prompt}/versions`;
const label = `/api/v1/prompts/${prompt}/labels/latest`;

const SIZED: readonly Sized[] = [
  {
    name: 'a content',
    max: 491_520,
    pointer: '/content',
    send: toVault('POST', versions, (size) => ({ content: token(size), grants: ['a'] })),
  },
  {
    name: 'a grant',
    max: 4_096,
    pointer: '/grants/0',
    send: toVault('POST', versions, (size) => ({ content: 'a', grants: [token(size)] })),
  },
  {
    name: 'grants',
    max: 64,
    pointer: '/grants',
    send: toVault('POST', versions, (size) => ({ content: 'a', grants: many(size) })),
  },
  {
    name: 'a tag',
    max: 8_192,
    pointer: '/tags/0',
    send: toVault('PUT', label, (size) => ({ tags: [token(size)] })),
  },
  { name: 'tags', max: 16, pointer: '/tags', send: toVault('PUT', label, (size) => ({ tags: many(size) })) },
  {
    name: 'a document',
    max: 5_767_168,
    pointer: '/root',
    send: toVault('PUT', '/api/v1/organisations/acme/root/2', (size) => {
      const under = { policy: `{${token(64)}}`, directory: `{${token(64)}}` };
      return { root: `{${token(size - 2)}}`, ...under };
    }),
  },
  {
    name: 'uses',
    max: 1_000,
    pointer: '/uses',
    send: toVault('POST', '/api/v1/envelopes', (uses) => ({
      prompt,
      version: 1,
      aud: responder.organisation.responders[0].urn,
      uses,
    })),
  },
  {
    name: 'a page',
    max: 200,
    pointer: '/limit',
    send: (size) => call(vault.vault.url, vault.organisation.owner, 'GET', `/api/v1/prompts?limit=${size}`),
  },
  {
    name: 'an envelope',
    max: 24_576,
    pointer: '/bundle/env',
    send: toResponder((size) => ({ bundle: { ...BUNDLE, env: token(size) }, inv: 'a.a.a.a.a' })),
  },
];

const pointersOf = ({ body }: HttpAnswer) =>
  ((body as { errors?: { pointer: string }[] }).errors ?? []).map(({ pointer }) => pointer);

withServer('over a connection', () => {
  const open: Socket[] = [];
  beforeAll(async () => {
    vault = await startVaultWorld(vaultUrl);
    responder = await startResponderWorld(responderUrl);
  });
  afterEach(() => {
    for (const socket of open.splice(0)) socket.destroy();
  });
  afterAll(async () => {
    await vault.stop();
    await responder.stop();
    for (const database of databases) await database.drop();
  });

  it.each(SIZED)('$name may be as large as its limit, and no larger', async ({ max, pointer, send }) => {
    expect(pointersOf(await send(max))).not.toContain(pointer);
    const refused = await send(max + 1);
    expect(refused).toMatchObject({ status: 400, body: { code: 'validation_failed' } });
    expect(pointersOf(refused)).toEqual([pointer]);
  });

  // How large it may be, its envelope says: one of a chat may bring images along.
  it('a question of a stored prompt may be as large as its limit, and no larger', async () => {
    const { bundle } = (await responder.question()).body;
    const send = toResponder((size) => ({ bundle, inv: token(size) }));
    expect(await send(353_003)).toMatchObject({ status: 400, body: { code: 'validation_failed' } });
    expect(await send(353_004)).toMatchObject({ status: 413, body: { code: 'payload_too_large' } });
  });

  const head = (line: string, fields: string) =>
    `${line} HTTP/1.1\r\nhost: x\r\nsignature-input: x\r\nauthorization: x\r\ncontent-type: application/json\r\n${fields}\r\n`;
  it.each([
    ['of most routes', 'POST /api/v1/prompts', 1_048_576, () => vault.vault.port],
    ['of an organisation', 'PUT /api/v1/organisations/other', 6_291_456, () => vault.vault.port],
    ['of a question', 'POST /api/v1/invocations', 2_097_152, () => responder.responder.port],
  ])('a body %s may be as large as its limit, and no larger', async (_name, line, max, port) => {
    const taken = await exchangeRaw(
      port(),
      head(line, `connection: close\r\ncontent-length: ${max}\r\n`) + ' '.repeat(max),
    );
    expect([400, 401]).toContain(taken.status);
    // Refused when it is announced: nothing of it was sent.
    const announced = await exchangeRaw(port(), head(line, `content-length: ${max + 1}\r\n`));
    expect(announced).toMatchObject({ status: 413, body: { code: 'payload_too_large' } });
    const chunks = `10000\r\n${' '.repeat(65_536)}\r\n`.repeat(max / 65_536 + 1);
    const streamed = await exchangeRaw(port(), head(line, 'transfer-encoding: chunked\r\n') + chunks).catch(
      // What it does not read any more it may answer with a reset.
      (error: unknown) => ({ status: 413, body: { code: (error as NodeJS.ErrnoException).code } }),
    );
    expect(streamed.status).toBe(413);
  });

  it.each([
    ['a header of 17 KiB', `x-a: ${'a'.repeat(17_408)}\r\n`, 431],
    ['seventy headers', 'x-a: b\r\n'.repeat(66), 431],
    ['fifty headers', 'x-a: b\r\n'.repeat(46), 401],
  ])('%s', async (_name, fields, status) => {
    const line = `GET /api/v1/prompts HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${fields}\r\n`;
    expect((await exchangeRaw(vault.vault.port, line)).status).toBe(status);
  });

  it('the bodies of all together have a bound, and it is free again when their senders have gone', async () => {
    const almostSend = async () => {
      const sent = Promise.withResolvers<void>();
      const bytes = head('POST /api/v1/prompts', 'content-length: 1048576\r\n') + ' '.repeat(1_048_575);
      open.push(
        connect({ port: vault.vault.port, host: '127.0.0.1' }, function (this: Socket) {
          this.write(bytes, () => sent.resolve());
        }).on('error', () => {}),
      );
      await sent.promise;
    };
    const bodyBytes = async () => {
      const [ready] = vault.vault.events('service-ready');
      const metrics = await fetch(`http://127.0.0.1:${Number(ready?.['metricsPort'])}/metrics`);
      return Number(/^bulla_body_bytes\{.*\} (\d+)$/m.exec(await metrics.text())?.[1]);
    };
    const ask = () =>
      call(vault.vault.url, vault.organisation.owner, 'POST', '/api/v1/prompts', {
        body: { a: 'a'.repeat(1_000_000) },
      });
    for (let n = 0; n < 128; n++) await almostSend();
    // Before all of it is there another body would find room, and take it from one of them.
    await until('full', async () => (await bodyBytes()) === 128 * 1_048_575);
    expect(await ask()).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: { code: 'overloaded' },
    });
    for (const socket of open.splice(0)) socket.destroy();
    await until('empty', async () => (await bodyBytes()) === 0);
    expect((await ask()).status).toBe(400);
    expect(open).toEqual([]);
  });

  it('a prompt bears as many labels as its limit, and no more', async () => {
    const { organisation } = vault;
    const author = new Author(vault.vault.url, organisation);
    await author.write();
    const [written] = author.acknowledged;
    const { id, name } = written ?? { id: '', name: '' };
    const { chash } = (await author.read({ id })).body as { chash: string };
    await query(
      { url: vaultUrl },
      `insert into vault.prompt_label (org, name, label, seq, prompt_id, version)
       select '${organisation.org}', '${name}', 'label-' || n, 1, '${id}', 1
       from generate_series(1, 999) n`,
    );
    const move = async (tag: string) => {
      const tags = [await tagOf(organisation, organisation.author, { id, name }, { tag, ver: 1, chash, seq: 1 })];
      const headers = { 'if-match': '"0"' };
      return call(vault.vault.url, organisation.author, 'PUT', `/api/v1/prompts/${id}/labels/${tag}`, {
        body: { tags },
        headers,
      });
    };
    expect((await move('last')).status).toBe(200);
    expect(await move('one-too-many')).toMatchObject({ status: 400, body: { code: 'validation_failed' } });
  });
});
