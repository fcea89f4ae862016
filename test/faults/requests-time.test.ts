import { connect, type Socket } from 'node:net';
import { mintId } from '@bulla/crypto';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exchangeRaw } from '@bulla/service-kit/testing';
import { startTiny } from '../../packages/service-kit/test/tiny-vault.js';
import { inOrder } from '../in-order.js';
import { Author } from './author.js';
import { query } from './postgres-control.js';
import { rawOf, send, signedMessage } from './signed-requests.js';
import { startVaultWorld, type VaultWorld } from './vault-world.js';

// F43 and F44: clients that begin and do not go on, against a vault with the time-outs that it has in service.

const CLIENTS = 200;
const database = await databaseForTest();
const { url: databaseUrl = '' } = database;
const withServer = databaseUrl === '' ? describe.skip : describe;

interface Stuck {
  readonly socket: Socket;
  /** What came until the other end closed. */
  readonly answer: Promise<string>;
}

/** Sends some bytes and then a byte now and then, until the other end closes. */
function dawdle(port: number, bytes: string, drip: string): Stuck {
  const socket = connect({ port, host: '127.0.0.1' });
  const { promise, resolve } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  const dripping = setInterval(() => socket.writable && socket.write(drip), 1_000);
  socket.on('data', (chunk) => chunks.push(chunk)).on('error', () => {});
  socket.once('close', () => {
    clearInterval(dripping);
    resolve(Buffer.concat(chunks).toString());
  });
  socket.write(bytes);
  return { socket, answer: promise };
}

const PRETENDED =
  'POST /api/v1/prompts HTTP/1.1\r\nhost: x\r\nsignature-input: x\r\ncontent-type: application/json\r\n';

withServer('a vault that two hundred clients keep waiting', () => {
  let world: VaultWorld;
  let headers: Stuck[];
  let bodies: Stuck[];
  let chunks: Stuck[];
  beforeAll(async () => {
    world = await startVaultWorld(databaseUrl);
    const { port } = world.vault;
    const some = (n: number, bytes: string, drip: string) => Array.from({ length: n }, () => dawdle(port, bytes, drip));
    headers = some(CLIENTS / 2, PRETENDED, 'a');
    bodies = some(CLIENTS / 4, `${PRETENDED}content-length: 100\r\n\r\n{`, ' ');
    chunks = some(CLIENTS / 4, `${PRETENDED}transfer-encoding: chunked\r\n\r\n`, '1\r\n \r\n');
  });
  afterAll(async () => {
    for (const { socket } of [...headers, ...bodies, ...chunks]) socket.destroy();
    await world.stop();
    await database.drop();
  });

  // In time: the first before those that wait are closed.
  inOrder([
    { name: 'serves all others meanwhile', run: serveOthers },
    { name: 'closes those that never end their headers', run: closeHeaders },
    { name: 'takes nothing of a request that breaks off, and the same request when it comes whole', run: takeNothing },
    { name: 'closes those that never end their bodies', run: closeBodies },
  ]);

  async function serveOthers(): Promise<void> {
    const author = new Author(world.vault.url, world.organisation);
    for (let n = 0; n < 5; n++) await author.write();
    expect([author.refusals, author.lost, await author.missing()]).toEqual([[], [], []]);
    expect(headers.filter(({ socket }) => socket.destroyed)).toEqual([]);
  }

  async function closeHeaders(): Promise<void> {
    const answers = await Promise.all(headers.map(({ answer }) => answer));
    expect(new Set(answers.map((answer) => answer.split('\r\n', 1)[0]))).toEqual(
      new Set(['HTTP/1.1 408 Request Timeout']),
    );
    expect(answers[0]).toContain('"code":"request_timeout"');
  }

  async function takeNothing(): Promise<void> {
    const { author } = world.organisation;
    const body = { id: mintId('prm'), name: 'partial/one', type: 'text' };
    const message = await signedMessage(world.vault.url, author, 'POST', '/api/v1/prompts', { body });
    const raw = rawOf(message);
    const rows = async () =>
      (await query({ url: databaseUrl }, `select 1 from vault.prompt where id = '${body.id}'`)).length;
    // Everywhere from its first line to the byte before its last.
    for (let at = 40; at < raw.length; at += 97) await breakOff(world.vault.port, raw.slice(0, at));
    await breakOff(world.vault.port, raw.slice(0, -1));
    expect(await rows()).toBe(0);
    expect((await send(world.vault.url, message)).status).toBe(201);
    expect(await rows()).toBe(1);
  }

  async function closeBodies(): Promise<void> {
    const answers = await Promise.all([...bodies, ...chunks].map(({ answer }) => answer));
    expect(new Set(answers.map((answer) => answer.split('\r\n', 1)[0]))).toEqual(
      new Set(['HTTP/1.1 408 Request Timeout']),
    );
    const author = new Author(world.vault.url, world.organisation);
    await author.write();
    expect(author.refusals).toEqual([]);
  }
});

/** Sends bytes and goes. */
async function breakOff(port: number, bytes: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(bytes, () => socket.destroy()));
  socket.on('error', () => {}).once('close', () => resolve());
  await promise;
}

describe('a service with room for few connections', () => {
  it('refuses more, and closes those that ask nothing, so that others get in', async () => {
    const tiny = await startTiny({ limits: { connectionsMax: 3, keepAliveTimeoutMs: 300 } });
    const { port } = await tiny.service.listen();
    const ask = 'GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n';
    // Answered, and then kept alive by the client.
    const idle = [1, 2, 3].map(() => dawdle(port, ask, ''));
    await Promise.all(idle.map(({ socket }) => new Promise((resolve) => socket.once('data', resolve))));
    expect(await dawdle(port, ask, '').answer).toBe('');
    const answers = await Promise.all(idle.map(({ answer }) => answer));
    expect(answers.map((answer) => answer.split('\r\n', 1)[0])).toEqual(Array.from(idle, () => 'HTTP/1.1 200 OK'));
    const welcome = await exchangeRaw(port, ask.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'));
    expect(welcome.status).toBe(200);
    await tiny.stop();
  });
});
