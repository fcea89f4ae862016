import { chmodSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { Health } from '@bulla/contract';
import { folderForTest, placeTestCertificate, testCertificate } from '@bulla/testkit';
import type { TestCertificateName } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { EventLog } from '../src/index.js';
import { TestClock } from '../src/testing.js';
import { ServerTls } from '../src/tls/server-tls.js';
import { RawClient } from './raw-client.js';
import type { Tiny } from './tiny-vault.js';
import { faults, startTiny } from './tiny-vault.js';

const DIRECTORY = '/.well-known/bulla/acme/directory.json';
/** Long enough for those who share a busy machine with the service. */
const HANDSHAKE_MS = 2_000;
const WRITE_TIMEOUT_MS = 300;
const LOOK_MS = 20;
const CONNECTIONS_MAX = 40;
const DAY_SECONDS = 86_400;
/** More than the kernel takes for a reader that takes nothing. */
const LARGE = 'A'.repeat(5_000_000);
const { ca } = testCertificate('here');

const folder = folderForTest('tls');
const lines: string[] = [];
const clock = new TestClock();
const agents: Agent[] = [];
const clients: { destroy(): unknown }[] = [];
let tiny: Tiny;
let port: number;
let metricsPort: number;

const options = () => ({
  certFile: `${folder}/tls.pem`,
  keyFile: `${folder}/tls.key`,
  hosts: ['localhost'],
  clock,
  log: new EventLog({ service: 'tiny', stream: { write: (line) => void lines.push(line) } }),
});

beforeAll(async () => {
  placeTestCertificate(folder, 'here');
  tiny = await startTiny({
    tls: ServerTls.load(options()),
    limits: {
      headersTimeoutMs: HANDSHAKE_MS,
      writeTimeoutMs: WRITE_TIMEOUT_MS,
      certificateIntervalMs: LOOK_MS,
      connectionsMax: CONNECTIONS_MAX,
      graceMs: 100,
    },
  });
  ({ port, metricsPort } = await tiny.service.listen());
});
afterEach(() => {
  for (const agent of agents.splice(0)) agent.destroy();
  for (const client of clients.splice(0)) client.destroy();
  delete faults.onDirectory;
});
afterAll(() => tiny.stop());

const said = (event: string) =>
  lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line['event'] === event);
const metric = async (line: string) => {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const found = text.split('\n').find((one) => one.startsWith(`${line} `));
  return Number(found?.split(' ').at(-1) ?? 0);
};
const failures = (why: string) => metric(`bulla_tls_handshake_failures_total{why="${why}",service="vault"}`);
async function until(reached: () => boolean | Promise<boolean>): Promise<void> {
  for (const last = performance.now() + 20_000; !(await reached()); await pause(5))
    if (performance.now() > last) throw new Error('not reached');
}

/** A connection by TLS, or the code of the error that it ends with. */
async function dial(more: ConnectionOptions = {}): Promise<TLSSocket | string> {
  const { promise, resolve } = Promise.withResolvers<TLSSocket | string>();
  const socket = connectTls({ port, host: '127.0.0.1', ca, ...more }, () => resolve(socket));
  clients.push(socket);
  socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  return promise;
}

/** The name in the certificate that new connections are shown. */
async function shown(): Promise<string> {
  const socket = await dial();
  if (typeof socket === 'string') return socket;
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN).replace('Bulla tests, ', '');
}

/** One answer that was read to its end. */
async function ask(path: string, agent: Agent): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const asked = request({ host: '127.0.0.1', port, path, agent, ca }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    response.once('end', () => resolve({ status: response.statusCode ?? 0, text })).once('error', reject);
  });
  asked.once('error', reject).end();
  return promise;
}

describe('a service that speaks TLS', () => {
  it('speaks 1.3 alone, and agrees on a key by X25519 with ML-KEM where the client can', async () => {
    const socket = await dial();
    expect(socket).toMatchObject({ authorized: true });
    expect((socket as TLSSocket).getProtocol()).toBe('TLSv1.3');
    expect(await dial({ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
    expect(await failures('old_protocol')).toBe(1);
  });

  it('tells a client that speaks HTTP to use https, and ends', async () => {
    const client = await RawClient.connect(port);
    await client.ask(DIRECTORY, DIRECTORY);
    await until(() => client.isClosed);
    expect(client.statuses).toEqual([400]);
    expect(client.text).toContain('this port speaks TLS: use https');
    expect(await failures('plain_http')).toBe(1);
  });

  it('cuts clients that send nothing, and those that send the beginning of a handshake', async () => {
    const before = await failures('too_slow');
    const began = performance.now();
    const closed = ['', '\u{16}\u{3}\u{1}\u{2}'].map(async (sent) => {
      const socket = connect({ port, host: '127.0.0.1' }).on('error', () => {});
      socket.write(Buffer.from(sent, 'latin1'));
      await new Promise((resolve) => socket.once('close', resolve));
      return performance.now() - began;
    });
    for (const tookMs of await Promise.all(closed)) {
      expect(tookMs).toBeGreaterThan(HANDSHAKE_MS / 2);
      expect(tookMs).toBeLessThan(HANDSHAKE_MS * 5);
    }
    expect(await failures('too_slow')).toBe(before + 2);
  });

  it('ends what speaks neither, and goes on', async () => {
    const client = await RawClient.connect(port);
    await client.write('SSH-2.0-OpenSSH_9.9\r\n');
    await until(() => client.isClosed);
    expect(client.text).not.toContain('HTTP');
    expect(await shown()).toBe('here');
  });

  it('is at work on one request of a connection at a time', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    let begun = 0;
    faults.onDirectory = () => {
      begun++;
      return promise;
    };
    const client = await RawClient.connectTls(port, ca);
    clients.push(client.socket);
    await client.ask(...Array<string>(6).fill(DIRECTORY));
    await until(() => begun > 0);
    await metric('none');
    expect(begun).toBe(1);
    resolve('AAAA');
    await until(() => client.statuses.length === 6);
  });

  it('cuts a reader that does not take its answer', async () => {
    faults.onDirectory = async () => LARGE;
    const before = await metric('bulla_overload_total{why="slow_reader",service="vault"}');
    const client = await RawClient.connectTls(port, ca);
    clients.push(client.socket);
    await client.stopReading().ask(DIRECTORY);
    await until(async () => (await metric('bulla_overload_total{why="slow_reader",service="vault"}')) === before + 1);
    expect(await metric('bulla_unsent_bytes{service="vault"}')).toBe(0);
  });

  it('gives an answer of any size to one that takes it', async () => {
    faults.onDirectory = async () => LARGE;
    const client = await RawClient.connectTls(port, ca);
    clients.push(client.socket);
    await client.ask(DIRECTORY);
    await until(() => client.text.length > LARGE.length);
    expect(client.statuses).toEqual([200]);
  });

  it('counts connections without a handshake among those that it may have', async () => {
    const idle = Array.from({ length: CONNECTIONS_MAX }, () =>
      connect({ port, host: '127.0.0.1' }).on('error', () => {}),
    );
    clients.push(...idle);
    await until(() => idle.every(({ connecting }) => !connecting));
    expect(typeof (await dial())).toBe('string');
    for (const socket of idle) socket.destroy();
    await until(async () => typeof (await dial()) !== 'string');
  });
});

describe('a certificate that is renewed', () => {
  const renew = (name: TestCertificateName) => placeTestCertificate(folder, name);
  afterEach(async () => {
    renew('here');
    await until(async () => (await shown()) === 'here');
    lines.length = 0;
  });

  it('is shown to new connections while no request fails, on old connections and new ones', async () => {
    const kept = new Agent({ keepAlive: true, maxSockets: 8 });
    const anew = new Agent({ keepAlive: false, maxSockets: 8 });
    agents.push(kept, anew);
    const load = { isOver: false, failed: 0, asked: 0 };
    const askers = [kept, kept, kept, kept, anew, anew].map(async (agent) => {
      while (!load.isOver) {
        load.asked++;
        if ((await ask(DIRECTORY, agent).catch(() => undefined))?.status !== 200) load.failed++;
      }
    });
    let [name, reloads]: [TestCertificateName, number] = ['here', 0];
    for (; reloads < 10 || load.asked < 300; reloads++) {
      name = name === 'here' ? 'renewed' : 'here';
      renew(name);
      await until(async () => (await shown()) === name);
    }
    load.isOver = true;
    await Promise.all(askers);
    const { asked, failed } = load;
    process.stdout.write(`TLS: ${asked} requests over ${reloads} renewals of the certificate, ${failed} failed\n`);
    expect(failed).toBe(0);
    expect(said('tls-certificate-taken').length).toBeGreaterThanOrEqual(reloads);
  });

  it('is not shown while only half of it is there, and the log says so once', async () => {
    const { cert, key } = testCertificate('renewed');
    writeFileSync(options().certFile, cert);
    await until(() => said('tls-certificate-not-taken').length > 0);
    await pause(LOOK_MS * 4);
    expect(said('tls-certificate-not-taken')).toMatchObject([{ level: 'warn', code: 'key_other' }]);
    expect(await shown()).toBe('here');
    writeFileSync(options().keyFile, key);
    await until(async () => (await shown()) === 'renewed');
  });

  it.each([
    ['has expired', () => void renew('expired'), 'cert_expired'],
    ['is for another name', () => void renew('elsewhere'), 'cert_other_name'],
    ['has a key that everybody can use', () => chmodSync(options().keyFile, 0o644), 'key_open_to_others'],
  ])('is not taken if it %s', async (_what, change, code) => {
    change();
    await until(() => said('tls-certificate-not-taken').some((line) => line['code'] === code));
    expect(await shown()).toBe('here');
    chmodSync(options().keyFile, 0o600);
  });

  it('is told of before it ends, and makes the service not ready when it has ended', async () => {
    const agent = new Agent({ keepAlive: false });
    agents.push(agent);
    const left = (Date.UTC(2120) - clock.nowMs()) / 1000;
    const isGood = async () => {
      const { checks } = JSON.parse((await ask('/health/ready', agent)).text) as Health;
      return checks.find(({ name }) => name === 'certificate')?.ok;
    };
    expect(await isGood()).toBe(true);
    clock.advance(left - 14 * DAY_SECONDS + 1);
    await until(() => said('tls-certificate-ending').length > 0);
    expect(said('tls-certificate-ending')).toMatchObject([{ level: 'warn', daysLeft: 13 }]);
    expect(await metric('bulla_tls_certificate_days_left{service="vault"}')).toBeCloseTo(14, 3);
    clock.advance(14 * DAY_SECONDS);
    await until(() => said('tls-certificate-ended').length > 0);
    await until(async () => (await isGood()) === false);
    clock.advance(-left);
    await until(async () => (await isGood()) === true);
  });
});

describe('a service that ends', () => {
  it('does not wait for connections that have not come further than to their handshake', async () => {
    const other = await startTiny({ like: tiny, tls: ServerTls.load(options()), limits: { graceMs: 100 } });
    const listening = await other.service.listen();
    const socket = connect({ port: listening.port, host: '127.0.0.1' }).on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve));
    const began = performance.now();
    await other.stop();
    expect(performance.now() - began).toBeLessThan(5_000);
    socket.destroy();
  });
});
