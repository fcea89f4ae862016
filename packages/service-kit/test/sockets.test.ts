import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { mintId } from '@bulla/crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { RawClient } from './raw-client.js';
import type { Tiny } from './tiny-vault.js';
import { faults, startTiny, TinyTrust } from './tiny-vault.js';

// [red] Twenty connections that sent ahead took all places, and kept what nobody read: 300 of them 275 MiB.

const DIRECTORY = '/.well-known/bulla/acme/directory.json';
const PROMPTS = '/api/v1/prompts';
/** Half of these are for strangers, a quarter is for nobody but callers. */
const PLACES = 8;
/** More than the kernel takes for a reader that takes nothing. */
const LARGE = 'A'.repeat(5_000_000);
const UNSENT_BYTES_MAX = 14_000_000;

let tiny: Tiny;
let port: number;
let metricsPort: number;
const clients: RawClient[] = [];
const connected: Socket[] = [];
let toLetGo = () => {};
const overloadsBefore = new Map<string, number>();
let loggedBefore = 0;
beforeAll(async () => {
  const limits = { requestsMax: PLACES, waitingMax: 0, unsentBytesMax: UNSENT_BYTES_MAX, graceMs: 100 };
  tiny = await startTiny({ limits });
  tiny.service.app.getHttpServer().on('connection', (socket: Socket) => connected.unshift(socket));
  ({ port, metricsPort } = await tiny.service.listen());
});
afterAll(() => tiny.stop());
beforeEach(async () => {
  loggedBefore = tiny.log.length;
  for (const why of ['pipelined', 'queue_full', 'unsent_bytes']) overloadsBefore.set(why, await overloads(why));
});
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  toLetGo();
  delete faults.onDirectory;
  delete faults.onGet;
  TinyTrust.until = undefined;
  await until(async () => (await active()) === 0);
});

const open = async (count: number): Promise<RawClient[]> => {
  const opened = await Promise.all(Array.from({ length: count }, () => RawClient.connect(port)));
  clients.push(...opened);
  return opened;
};
const metric = async (line: string): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const found = text.split('\n').find((one) => one.startsWith(`${line} `));
  return Number(found?.split(' ').at(-1) ?? 0);
};
const active = () => metric('bulla_http_requests_active{service="vault"}');
const atWork = (by: string) => metric(`bulla_places_taken{by="${by}",service="vault"}`);
const overloads = (why: string) => metric(`bulla_overload_total{why="${why}",service="vault"}`);
/** How many this test had refused or cut, by why. */
const cut = async (why: string) => (await overloads(why)) - (overloadsBefore.get(why) ?? 0);
const unsent = () => metric('bulla_unsent_bytes{service="vault"}');
const until = async (reached: () => boolean | Promise<boolean>): Promise<void> => {
  for (const last = performance.now() + 20_000; !(await reached()); await pause(10)) {
    if (performance.now() > last) throw new Error('not reached');
  }
};
const isClosed = (client: RawClient | undefined): boolean => client?.isClosed === true;
/** Until the service has looked at everything that it may have been sent. */
const settle = async () => {
  for (let time = 0; time < 3; time++) await metric('none');
};
/** Requests for the directory that stay at work until they are let go. */
function holdDirectory(): { letGo: () => void; begun: () => number } {
  const { promise, resolve } = Promise.withResolvers<string>();
  let begun = 0;
  faults.onDirectory = () => {
    begun++;
    return promise;
  };
  toLetGo = () => resolve('AAAA');
  return { letGo: toLetGo, begun: () => begun };
}
const times = (count: number) => Array<string>(count).fill(DIRECTORY);
const askSigned = async (count: number): Promise<number> => {
  const answers = await Promise.all(Array.from({ length: count }, () => tiny.owner.get(PROMPTS)));
  return answers.filter(({ status }) => status === 200).length;
};
const errorLines = ({ log }: Tiny, from = 0) => log.slice(from).filter((line) => line.includes('"level":"error"'));
/** A signed request as it goes over a connection. */
async function signedGet({ owner }: Tiny, path: string): Promise<string> {
  let sent: Record<string, string> = {};
  // What is captured was never seen by the service, so that it is new.
  const tamper = ({ headers }: { headers: Record<string, string> }) => {
    sent = { ...headers };
    headers['signature'] = 'none';
  };
  await owner.get(path, { tamper });
  const lines = Object.entries(sent).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

describe('requests that a connection sends ahead', () => {
  it('are at work one at a time, and answered in their order [guard: pipelined-turn]', async () => {
    const { letGo, begun } = holdDirectory();
    const [client] = await open(1);
    const named = Array.from(
      { length: 6 },
      (_, n) => `GET ${DIRECTORY} HTTP/1.1\r\nhost: x\r\nx-request-id: number-${n}\r\n\r\n`,
    );
    await client?.write(named.join(''));
    await until(() => begun() > 0);
    await settle();
    expect(begun()).toBe(1);
    expect(await active()).toBe(1);
    letGo();
    await until(() => client?.statuses.length === 6);
    const ids = [...(client?.text ?? '').matchAll(/^x-request-id: (\S+)/gm)].map(([, id]) => id);
    expect(ids).toEqual(['number-0', 'number-1', 'number-2', 'number-3', 'number-4', 'number-5']);
    expect(begun()).toBe(6);
  });

  it('are not read while others wait, and read later [guard: pipelined-paused]', async () => {
    const { letGo, begun } = holdDirectory();
    const [client] = await open(1);
    await client?.ask(...times(2));
    await until(() => begun() === 1);
    const [socket] = connected;
    const before = socket?.bytesRead;
    await client?.ask(...times(9));
    await settle();
    expect(socket?.bytesRead).toBe(before);
    letGo();
    await until(() => client?.statuses.length === 11);
    expect(begun()).toBe(11);
    // The connection goes on as any other.
    await client?.ask('/health/live');
    await until(() => client?.statuses.length === 12);
    expect(client?.statuses).toEqual(Array(12).fill(200));
    const listeners = socket?.listenerCount('resume');
    await client?.ask(...times(2));
    await until(() => client?.statuses.length === 14);
    expect(socket?.listenerCount('resume')).toBe(listeners);
  });

  it('are no more than sixteen in one piece, or it is cut [guard: pipelined-ahead]', async () => {
    const { begun } = holdDirectory();
    const [client, patient] = await open(2);
    await patient?.ask(...times(17));
    await until(() => begun() === 1);
    await client?.ask(...times(18));
    await until(() => begun() === 2);
    await settle();
    expect(await cut('pipelined')).toBe(1);
    await until(() => isClosed(client));
    expect(patient?.isClosed).toBe(false);
    expect(await active()).toBe(1);
  });

  it.each([
    ['and are no HTTP [guard: pipelined-broken]', '', 'this is no HTTP\r\n\r\n'],
    ['after they said that there are no more', 'connection: close\r\n', `GET ${DIRECTORY} HTTP/1.1\r\nhost: x\r\n\r\n`],
  ])('%s end the connection, after the answers that are due', async (_name, field, behind) => {
    const { letGo, begun } = holdDirectory();
    const [client] = await open(1);
    await client?.write(`GET ${DIRECTORY} HTTP/1.1\r\nhost: x\r\n${field}\r\n${behind}`);
    await until(() => begun() === 1);
    await settle();
    expect(client?.text).toBe('');
    letGo();
    await until(() => isClosed(client));
    expect(client?.statuses).toEqual([200]);
    expect(client?.text).toMatch(/^connection: close\r$/im);
    expect(begun()).toBe(1);
    expect(await active()).toBe(0);
  });
});

describe('callers whose signature is good', () => {
  it('are answered while twenty connections send ahead [guard: gate-claimed]', async () => {
    const { begun } = holdDirectory();
    const attackers = await open(20);
    await Promise.all(attackers.map((attacker) => attacker.ask(...times(16))));
    // All but those at work are refused each of their requests; a quarter of the places is for nobody but callers.
    await until(async () => (await cut('queue_full')) >= 16 * (20 - (PLACES * 3) / 4));
    await settle();
    expect(begun()).toBe(PLACES / 2);
    expect(await atWork('stranger')).toBe(PLACES / 2);
    let answered = 0;
    for (let round = 0; round < 5; round++) answered += await askSigned(4);
    expect(answered).toBe(20);
  });

  it('are at work in all places, once they are known [guard: place-verified]', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let begun = 0;
    faults.onGet = async () => {
      begun++;
      await promise;
    };
    const working: Promise<unknown>[] = [];
    for (let n = 0; n < PLACES; n++) {
      working.push(tiny.owner.get(`${PROMPTS}/${mintId('prm')}`));
      await until(async () => begun === n + 1 || (await cut('queue_full')) > 0);
    }
    expect(begun).toBe(PLACES);
    expect(await atWork('verified')).toBe(PLACES);
    resolve();
    await Promise.all(working);
    expect(await atWork('verified')).toBe(0);
  });

  it('wait for no one whose key is looked for [guard: refresh-rests]', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    TinyTrust.until = promise;
    TinyTrust.refreshes.length = 0;
    const nobody = { keyid: `${tiny.acme.owner.urn}#${tiny.other.owner.sig.kid}`, signer: tiny.other.owner.signer };
    const asked = tiny.clientOf(nobody).get(PROMPTS);
    await until(() => TinyTrust.refreshes.length === 1);
    expect(await atWork('claimed')).toBe(0);
    resolve();
    expect(await asked).toMatchObject({ status: 401 });
  });
});

describe('answers that nobody takes', () => {
  it('are kept one for each connection, however many were asked for', async () => {
    faults.onDirectory = async () => LARGE;
    const readers = await open(2);
    for (const reader of readers) await reader.stopReading().ask(...times(17));
    const answer = LARGE.length + 2_000;
    await until(async () => (await unsent()) >= 2 * LARGE.length);
    await settle();
    expect(await unsent()).toBeLessThan(2 * answer);
    expect(await active()).toBe(2);
    expect(await askSigned(4)).toBe(4);
  });

  it('are cut where all together are more than may be kept, the oldest first [guard: unsent-bytes]', async () => {
    faults.onDirectory = async () => LARGE;
    const readers = await open(4);
    for (const [n, reader] of readers.entries()) {
      await reader.stopReading().ask(DIRECTORY);
      await until(async () => (await active()) + (await cut('unsent_bytes')) === n + 1);
    }
    // Of five megabytes each, two may be kept.
    expect(await cut('unsent_bytes')).toBe(2);
    expect(await unsent()).toBeLessThan(UNSENT_BYTES_MAX);
    for (const reader of readers) reader.socket.resume();
    await until(() => readers.filter(({ text }) => text.length > LARGE.length).length === 2);
    expect(readers.map(({ text }) => text.length > LARGE.length)).toEqual([false, false, true, true]);
    expect(errorLines(tiny, loggedBefore)).toEqual([]);
  });

  it('are made no faster than they are taken where they are streams, and end with their connection', async () => {
    const slow = await startTiny({ like: tiny, limits: { writeTimeoutMs: 400 } });
    const listening = await slow.service.listen();
    const piece = new Uint8Array(65_536);
    let [made, ended] = [0, false];
    async function* pieces(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          made++;
          yield piece;
        }
      } finally {
        ended = true;
      }
    }
    faults.onGet = () =>
      new Response(Readable.toWeb(Readable.from(pieces())) as ReadableStream, {
        headers: { 'content-type': 'text/event-stream' },
      });
    const reader = (await RawClient.connect(listening.port)).stopReading();
    clients.push(reader);
    await reader.write(await signedGet(slow, `${PROMPTS}/${mintId('prm')}`));
    await until(() => ended);
    expect(made).toBeGreaterThan(1);
    // What the kernel takes, and no more.
    expect(made).toBeLessThan(16_000_000 / piece.length);
    const text = await (await fetch(`http://127.0.0.1:${listening.metricsPort}/metrics`)).text();
    expect(text).toContain('bulla_overload_total{why="slow_reader",service="vault"} 1');
    expect(errorLines(slow)).toEqual([]);
    await slow.stop();
  });
});
