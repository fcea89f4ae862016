import { chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import type { Bulla } from '@bulla/client';
import { afterEach, describe, expect, it } from '@jest/globals';
import { World } from '../../test/world.js';
import { inspectModes } from './home-inspection.js';
import {
  inspectIdentity,
  inspectLabels,
  inspectNode,
  inspectPort,
  inspectReaders,
  inspectService,
  inspectTrust,
} from './inspection.js';
import { inspectRedis } from './redis-inspection.js';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function answering(status: number, body: unknown, date?: string): typeof fetch {
  return () =>
    Promise.resolve(new Response(JSON.stringify(body), { status, headers: date === undefined ? {} : { date } }));
}

describe('node', () => {
  it.each([
    ['20.20.0', false],
    ['22.11.9', false],
    ['22.12.0', true],
    ['24.21.0', true],
  ])('%s is good: %s', (version, ok) => expect(inspectNode(version)).toMatchObject({ ok, detail: version }));
});

describe('the home folder', () => {
  it("is well where everything is its owner's, and names what is not", async () => {
    const world = await World.make();
    await world.file('key', 'x');
    chmodSync(world.path('key'), 0o600);
    expect(await inspectModes(world.folder)).toMatchObject({
      ok: true,
      detail: expect.stringContaining('2 files and folders'),
    });
    chmodSync(world.path('key'), 0o640);
    expect(await inspectModes(world.folder)).toMatchObject({
      ok: false,
      detail: `others may use ${world.path('key')}`,
      fix: `chmod -R go-rwx ${world.folder}`,
    });
    await world.remove();
  });

  it('may not be there', async () =>
    expect(await inspectModes('/nowhere')).toMatchObject({
      ok: false,
      detail: '/nowhere: there is no such file or folder (ENOENT)',
    }));
});

describe('a service', () => {
  const healthy = { status: 'ok', checks: [{ name: 'database', ok: true }] };
  it.each([
    ['is ready', answering(200, healthy), [{ ok: true, detail: 'http://x is ready (database)' }]],
    [
      'has no database',
      answering(503, { status: 'unavailable', checks: [{ name: 'database', ok: false }] }),
      [{ ok: false, detail: 'http://x is not ready: database', fix: expect.stringMatching(/clocks differ/) }],
    ],
    [
      'waits for shares of its root key',
      answering(423, { status: 'sealed', checks: [{ name: 'root-key', ok: false }] }),
      [{ ok: false, detail: expect.stringMatching(/sealed names work$/), fix: expect.stringMatching(/bulla unseal/) }],
    ],
    [
      'is something else',
      answering(200, 'hello'),
      [{ ok: false, detail: 'http://x does not answer as a Bulla service' }],
    ],
    ['is not there', () => Promise.reject(new Error('ECONNREFUSED')), [{ ok: false }]],
    [
      'has the same clock',
      answering(200, healthy, 'Wed, 25 Nov 2026 12:00:59 GMT'),
      [{ ok: true }, { name: 'vault clock', ok: true, detail: "59 s from this machine's" }],
    ],
    [
      'has another clock',
      answering(200, healthy, 'Wed, 25 Nov 2026 12:01:01 GMT'),
      [{ ok: true }, { name: 'vault clock', ok: false }],
    ],
  ])('that %s is seen so', async (_name, fetcher, findings) => {
    expect(await inspectService('vault', 'http://x', fetcher, () => NOW)).toMatchObject(findings);
  });
});

describe('what is trusted', () => {
  const document = (expires: string) => ({ version: 2, issued: '2026-11-01T00:00:00Z', expires });
  const trust = {
    pin: 'sha256:1',
    org: 'dev',
    profile: 'development',
    root: document('2027-11-01T00:00:00Z'),
    policy: document('2026-11-26T00:00:00Z'),
    directory: document('2027-01-30T00:00:00Z'),
    activeKeys: (urn: string) =>
      urn === 'known' ? [{ record: { kid: 'k', use_until: NOW / 1000 + 90 * 86_400 } }] : [],
  };
  const bulla = { refreshTrust: () => Promise.resolve(trust), trust: () => Promise.resolve(trust) } as unknown as Bulla;

  it('is well until it is due', async () => {
    const findings = await inspectTrust(bulla, NOW / 1000);
    expect(findings.map(({ name, ok }) => [name, ok])).toEqual([
      ['pin', true],
      ['root', true],
      ['policy', false],
      ['directory', true],
    ]);
    expect(findings[2]).toMatchObject({ detail: 'version 2, 0 days left', fix: 'bulla trust renew' });
  });

  it('includes the key of this device, or does not', async () => {
    expect(await inspectIdentity(bulla, 'known', 'k', NOW / 1000)).toMatchObject({
      ok: true,
      detail: 'known, its key signs for 90 more days',
    });
    expect(await inspectIdentity(bulla, 'known', 'other', NOW / 1000)).toMatchObject({ ok: false });
    expect(await inspectIdentity(bulla, 'unknown', 'k', NOW / 1000)).toMatchObject({
      ok: false,
      detail: 'unknown has no active key in the directory',
    });
  });

  it('includes labels, which expire', async () => {
    const list = async function* () {
      yield await Promise.resolve({ name: 'a/b' });
    };
    const found = (due: object[], stale: string[] = [], dates: object[] = []) =>
      inspectLabels({
        prompts: { list, dueLabels: () => Promise.resolve(due) },
        labels: { stale: () => Promise.resolve(stale), dates: () => Promise.resolve(dates) },
      } as unknown as Bulla);
    expect(await found([])).toMatchObject([{ ok: true, detail: '1 prompt, no label is about to expire' }]);
    const [year, week] = [Date.parse('2027-11-25T00:00:00Z') / 1000, Date.parse('2026-12-02T00:00:00Z') / 1000];
    const dates = [
      { label: 'production', version: 1, signedUntil: year, newestUntil: week + 86_400 },
      { label: 'latest', version: 1, signedUntil: year + 86_400, newestUntil: week },
    ];
    expect(await found([], [], dates)).toMatchObject([
      {
        ok: true,
        detail: '1 prompt, no label is about to expire: signed until 2027-11-25, called the newest until 2026-12-02',
      },
    ]);
    expect(await found([{ label: 'production' }])).toMatchObject([
      { ok: false, detail: 'about to expire, or good no longer: a/b@production' },
    ]);
    expect(await found([], ['latest'])).toMatchObject([
      { ok: false, detail: 'no renewer has called them the newest lately: a/b@latest' },
    ]);
    expect(await found([{ label: 'production' }], ['latest'])).toHaveLength(2);
  });

  it('includes who else can still read, as a fact', async () => {
    const list = async function* () {
      yield await Promise.resolve({ name: 'a/b' });
    };
    const read = (versions: object[]) =>
      ({ prompts: { list, otherReaders: () => Promise.resolve(versions) } }) as unknown as Bulla;
    expect(await inspectReaders(read([]), 'self')).toMatchObject({
      ok: true,
      detail: expect.stringMatching(/^nobody/),
    });
    const ids = ['dev_01m88enx9fex3898bshaze3mxv', 'dev_01m88enx9fex3898bshaze3mxw'];
    const readers = ids.map((id) => `urn:bulla:acme:dev:${id}`);
    expect(await inspectReaders(read([{ version: 3, readers }]), 'self')).toMatchObject({
      ok: true,
      detail: expect.stringContaining(`others can still read a/b v3 by dev ${ids[0]}, dev ${ids[1]} (`),
    });
  });
});

describe('ports', () => {
  it('a port is free or in use', async () => {
    const port = await listen(createServer());
    expect(await inspectPort('vault port', 'BULLA_VAULT_PORT', port)).toMatchObject({
      ok: false,
      fix: 'stop what listens there, or set BULLA_VAULT_PORT to another port',
    });
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(await inspectPort('vault port', 'BULLA_VAULT_PORT', port)).toMatchObject({
      ok: true,
      detail: `port ${port} is free`,
    });
  });
});

describe('redis', () => {
  async function redisSaying(text: string): Promise<string> {
    return `redis://127.0.0.1:${await listen(createServer((socket) => socket.once('data', () => socket.write(text))))}`;
  }
  it.each([
    ['keeps everything', '$40\r\n# Memory\r\nmaxmemory_policy:noeviction\r\n', { ok: true }],
    [
      'throws keys away',
      '$40\r\n# Memory\r\nmaxmemory_policy:allkeys-lru\r\n',
      { ok: false, fix: 'redis-cli config set maxmemory-policy noeviction' },
    ],
    [
      'wants a password',
      '-NOAUTH Authentication required.\r\n',
      { ok: false, detail: expect.stringContaining('does not let us in'), fix: 'mend BULLA_REDIS_URL' },
    ],
  ])('that %s is seen so', async (_name, text, finding) => {
    expect(await inspectRedis(await redisSaying(text))).toMatchObject(finding);
  });

  it('that hangs up without a word does not answer', async () => {
    const port = await listen(createServer((socket) => socket.resume().end()));
    expect(await inspectRedis(`redis://127.0.0.1:${port}`)).toMatchObject({ ok: false });
  });

  it('that wants a password is told the one in the URL, whatever characters it has', async () => {
    let heard = '';
    const server = createServer((socket) =>
      socket.on('data', (chunk) => {
        heard += chunk.toString();
        if (heard.includes('memory')) socket.write('+OK\r\n$40\r\nmaxmemory_policy:noeviction\r\n');
      }),
    );
    const port = await listen(server);
    expect(await inspectRedis(`redis://user:a%0D%0Ab@127.0.0.1:${port}`)).toMatchObject({ ok: true });
    expect(heard).toBe('*3\r\n$4\r\nAUTH\r\n$4\r\nuser\r\n$4\r\na\r\nb\r\n*2\r\n$4\r\nINFO\r\n$6\r\nmemory\r\n');
  });

  it('that is not there does not answer, nor does one that speaks no TLS where it should', async () => {
    expect(await inspectRedis('redis://127.0.0.1:1')).toMatchObject({
      ok: false,
      detail: '127.0.0.1:1 does not answer',
    });
    const plain = await redisSaying('-ERR\r\n');
    expect(await inspectRedis(plain.replace('redis:', 'rediss:'))).toMatchObject({ ok: false });
  });
});
