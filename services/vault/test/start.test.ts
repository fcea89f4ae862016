import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeOrganisation } from '@bulla/crypto/testing';
import { connectDatabase, EventLog, runService } from '@bulla/service-kit';
import { databaseForTest, freePorts, placeTestCertificate } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { serve } from '../src/serve.js';
import { vaultDefinition } from '../src/definition.js';
import type { VaultTables } from '../src/index.js';
import { backUp } from './restoring.js';
import { placeRootKey } from './root-key-files.js';
import { firstDocuments } from './running-vault.js';

const database = await databaseForTest({ empty: true });
// A vault of its own needs a server; without one the same code runs on the embedded database in the other tests.
const withServer = database.url === undefined ? describe.skip : describe;
const log = new EventLog({ service: 'vault', level: 'silent' });
let folder: string;
let keysFile: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-vault-'));
  keysFile = join(folder, 'vault.keys.json');
  const { vault, author } = await makeOrganisation({ suite: 'p256' });
  await writeFile(keysFile, JSON.stringify(vault.keyFile), { mode: 0o600 });
  await writeFile(join(folder, 'device.keys.json'), JSON.stringify(author.keyFile), { mode: 0o600 });
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const environment = (changes: Record<string, string | undefined> = {}) => ({
  BULLA_DATABASE_URL: database.url ?? 'postgresql://nobody@127.0.0.1:1/nothing',
  BULLA_KEYS_FILE: keysFile,
  BULLA_BOOTSTRAP_SECRET: 'a-secret-that-lets-one-in',
  BULLA_VAULT_PORT: '0',
  BULLA_METRICS_PORT: '0',
  BULLA_LOG_LEVEL: 'silent',
  ...changes,
});

/** A process that only notes what it is told. */
class NotedHost {
  readonly lines: string[] = [];
  readonly listeners = new Map<string, () => void>();
  exitCode: number | undefined;
  readonly stderr = { write: (line: string) => this.lines.push(line) };

  exit(code: number): void {
    this.exitCode = code;
  }

  on(signal: string, listener: () => void): void {
    this.listeners.set(signal, listener);
  }
}

async function hold(): Promise<{ port: number; release: () => Promise<void> }> {
  const server: Server = createServer();
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject).listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
  const release = () => new Promise<void>((resolve) => void server.close(() => resolve()));
  return { port: (server.address() as AddressInfo).port, release };
}

withServer('a vault on its own', () => {
  it('stops before it writes anything where its root key is wrong, cut or missing', async () => {
    const [right, wrong, cut] = ['right', 'wrong', 'cut'].map((name) => join(folder, `${name}.key`)) as [
      string,
      string,
      string,
    ];
    placeRootKey(right);
    placeRootKey(wrong);
    await writeFile(cut, 'A'.repeat(40), { mode: 0o600 });
    const started = await runService(vaultDefinition, environment({ BULLA_ROOT_KEY: `file:${right}` }));
    await started.close();
    const known = connectDatabase<VaultTables>({
      from: { url: database.url ?? '' },
      schema: 'vault',
      migrations: {},
      log,
    });
    const before = await backUp(known);
    expect(before.get('root_key')).toMatch(/root:file:[0-9a-f]{16}/);
    for (const [path, said] of [
      [
        wrong,
        /^bulla: error: BULLA_ROOT_KEY: this database is under root:file:[0-9a-f]{16}, and what is named here is root:file:/,
      ],
      [cut, /cut\.key: not a root key; expected 32 bytes in base64/],
      [
        join(folder, 'gone.key'),
        /is under root:file:[0-9a-f]{16}, and what is named here is nothing: its file is missing/,
      ],
    ] as const) {
      const host = new NotedHost();
      await serve(environment({ BULLA_ROOT_KEY: `file:${path}` }), host);
      expect([host.lines.length, host.exitCode]).toEqual([1, 78]);
      expect(host.lines[0]).toMatch(said);
      expect(await backUp(known)).toEqual(before);
    }
    await known.close();
  });

  it('serves until its first signal, however many come, and then again on the same database', async () => {
    const [port = 0] = await freePorts(1);
    const url = `http://127.0.0.1:${port}`;
    for (const signals of [['SIGTERM', 'SIGTERM'], ['SIGINT']]) {
      const host = new NotedHost();
      await serve(environment({ BULLA_VAULT_PORT: String(port) }), host);
      const ready = await fetch(`${url}/health/ready`);
      expect([ready.status, await ready.json()]).toMatchObject([200, { status: 'ok' }]);
      for (const signal of signals) host.listeners.get(signal)?.();
      const closed = async () => (await fetch(`${url}/health/live`).catch(() => undefined)) === undefined;
      while (!(await closed()));
      expect([host.lines, host.exitCode]).toEqual([[], undefined]);
    }
  });

  it('[red] refuses an organisation of profile development under NODE_ENV=production', async () => {
    const [port = 0] = await freePorts(1);
    const host = new NotedHost();
    await serve(environment({ BULLA_VAULT_PORT: String(port), NODE_ENV: 'production' }), host);
    const brought = await fetch(`http://127.0.0.1:${port}/api/v1/organisations/acme`, {
      method: 'PUT',
      headers: { authorization: 'Bootstrap a-secret-that-lets-one-in', 'content-type': 'application/json' },
      body: JSON.stringify(firstDocuments(await makeOrganisation({ suite: 'p256' }))),
    });
    expect([brought.status, await brought.json()]).toMatchObject([403, { code: 'forbidden' }]);
    host.listeners.get('SIGTERM')?.();
    while ((await fetch(`http://127.0.0.1:${port}/health/live`).catch(() => undefined)) !== undefined);
    expect([host.lines, host.exitCode]).toEqual([[], undefined]);
  });

  it('says in one line that its port is taken, and lets go of everything', async () => {
    const { port, release } = await hold();
    const host = new NotedHost();
    await serve(environment({ BULLA_VAULT_PORT: String(port) }), host);
    expect([host.lines, host.exitCode]).toEqual([['bulla: error: the vault could not go on (EADDRINUSE)\n'], 1]);
    await release();
  });

  it('does not start with a key file that has no key for envelopes', async () => {
    const changes = { BULLA_KEYS_FILE: join(folder, 'device.keys.json') };
    await expect(runService(vaultDefinition, environment(changes))).rejects.toMatchObject({
      name: 'KeyFileError',
      exitCode: 78,
    });
  });
});

describe('a vault does not start', () => {
  it.each([
    ['without a database', { BULLA_DATABASE_URL: undefined }, /BULLA_DATABASE_URL is not set; expected a URL/],
    [
      'on another kind of database',
      { BULLA_DATABASE_URL: 'mysql://host/canary' },
      /BULLA_DATABASE_URL [^\n]*: expected a URL/,
    ],
    ['without a key file', { BULLA_KEYS_FILE: undefined }, /BULLA_KEYS_FILE is not set/],
    ['with a key file that is not there', { BULLA_KEYS_FILE: '/nothing.json' }, /cannot be read/],
    [
      'with a secret that no header can carry',
      { BULLA_BOOTSTRAP_SECRET: 'canary with spaces in it' },
      /BULLA_BOOTSTRAP_SECRET /,
    ],
    ['with an unknown setting', { BULLA_VAULT_PROT: '4100' }, /BULLA_VAULT_PROT/],
  ])('%s, and says why', async (_name, changes, message) => {
    const host = new NotedHost();
    await serve(environment(changes), host);
    expect(host.exitCode).toBe(78);
    expect(host.lines.join('')).toMatch(message);
    expect(host.lines.join('')).not.toContain('canary');
  });

  it.each([
    [
      'that has expired',
      'expired',
      {},
      /^bulla: error: BULLA_TLS_CERT_FILE: \S+ expired at .+; expected a newer one\n$/,
    ],
    [
      'for another name',
      'elsewhere',
      {},
      /^bulla: error: BULLA_TLS_CERT_FILE: \S+ is not for localhost; expected .+\n$/,
    ],
    ['whose key is too short', 'weak', {}, /^bulla: error: BULLA_TLS_CERT_FILE: \S+ is refused by OpenSSL; .+\n$/],
    ['that is not there', 'here', { BULLA_TLS_CERT_FILE: '/none' }, /^bulla: error: \S+ \/none cannot be read\n$/],
    [
      'without a key',
      'here',
      { BULLA_TLS_KEY_FILE: '' },
      /^bulla: error: BULLA_TLS_KEY_FILE is not set; expected .+\n$/,
    ],
    ['and trusts no file of nothing', 'here', { BULLA_CA_FILE: '/none' }, /^bulla: error: BULLA_CA_FILE: \/none .+\n$/],
  ] as const)('with a certificate %s, and says why in one line', async (_name, certificate, changes, line) => {
    const { certFile, keyFile } = placeTestCertificate(folder, certificate);
    const tls = {
      BULLA_TLS_CERT_FILE: certFile,
      BULLA_TLS_KEY_FILE: keyFile,
      BULLA_PUBLIC_URL: 'https://localhost:4100',
    };
    const host = new NotedHost();
    await serve(environment({ ...tls, ...changes }), host);
    expect([host.exitCode, host.lines.join('')]).toEqual([78, expect.stringMatching(line)]);
  });

  it('when its database does not answer, and repeats nothing of what the driver says', async () => {
    const host = new NotedHost();
    await serve(environment({ BULLA_DATABASE_URL: 'postgresql://vault:canary@127.0.0.1:1/bulla' }), host);
    expect([host.lines, host.exitCode]).toEqual([
      [
        'bulla: error: no PostgreSQL listens at 127.0.0.1:1\nbulla: hint: start it there, or mend host and port in BULLA_DATABASE_URL\n',
      ],
      1,
    ]);
  });
});
