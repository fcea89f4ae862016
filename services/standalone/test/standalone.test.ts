import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { databaseForTest, freePorts, placePglite } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Addresses, StandaloneOptions } from '../src/index.js';
import { findAddresses, readStandaloneSettings, start } from '../src/index.js';
import { organisationIn } from './organisation.js';

const database = await databaseForTest({ empty: true });
const withServer = database.url === undefined ? describe.skip : describe;
let folder: string;
/** Of the server's database, which homes of several tests use one after the other. */
let rootKeyFolder: string;
beforeAll(async () => {
  rootKeyFolder = await mkdtemp(join(tmpdir(), 'bulla-standalone-root-'));
  await writeFile(join(rootKeyFolder, 'root.key'), 'A'.repeat(43), { mode: 0o600 });
});
afterAll(async () => {
  await database.drop();
  await rm(rootKeyFolder, { recursive: true, force: true });
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-standalone-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function optionsFor(env: Record<string, string | undefined>): Promise<StandaloneOptions> {
  const [vault, responder, metrics] = await freePorts(4);
  const ports = {
    BULLA_VAULT_PORT: String(vault),
    BULLA_RESPONDER_PORT: String(responder),
    BULLA_METRICS_PORT: String(metrics),
  };
  const rootKey = env['BULLA_DATABASE_URL'] !== undefined && {
    BULLA_ROOT_KEY: `file:${join(rootKeyFolder, 'root.key')}`,
  };
  const settings = readStandaloneSettings({ ...ports, ...rootKey, BULLA_LOG_LEVEL: 'silent', ...env });
  const addresses = await findAddresses(settings);
  const { served, publish } = await organisationIn(join(folder, 'keys'));
  return {
    settings,
    environment: env,
    addresses,
    home: folder,
    recognise: ({ mark = 'the-mark' }) => Promise.resolve(mark),
    organisation: () => Promise.resolve(served),
    publish: () => publish(addresses),
  };
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) =>
    server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true)),
  );
  await new Promise((resolve) => server.close(resolve));
  return free;
}

async function everyPortIsFree({ vaultPort, responderPort, metricsPorts }: Addresses): Promise<boolean> {
  const ports = [vaultPort, responderPort, metricsPorts.vault, metricsPorts.responder];
  return (await Promise.all(ports.map(isFree))).every(Boolean);
}

async function statusOf(url: string): Promise<number> {
  return (await fetch(url)).status;
}

function bothServices(databaseUrl: string | undefined): void {
  it('are ready when start returns, leave the ports free, and keep what they had over a restart', async () => {
    const options = await optionsFor({ BULLA_DATABASE_URL: databaseUrl });
    // How it is made is the subject of a test below.
    if (databaseUrl === undefined) placePglite(join(folder, 'pglite'), { empty: true });
    const { vaultUrl, responderUrl, metricsPorts } = options.addresses;
    const running = await start(options);
    for (const url of [vaultUrl, responderUrl]) {
      expect(await statusOf(`${url}/health/ready`)).toBe(200);
      expect(await statusOf(`${url}/api/openapi.json`)).toBe(200);
    }
    for (const port of [metricsPorts.vault, metricsPorts.responder])
      expect(await statusOf(`http://127.0.0.1:${port}/metrics`)).toBe(200);
    await Promise.all([running.stop(), running.stop()]);
    expect(await everyPortIsFree(options.addresses)).toBe(true);
    const again = await start({ ...options, publish: () => Promise.resolve() });
    expect(await statusOf(`${vaultUrl}/.well-known/bulla/dev/root/1.json`)).toBe(200);
    await again.stop();
  });
}

/** The organisation here is new. */
const noHashes = () => Promise.resolve([]);

describe('both services on the embedded database', () => {
  bothServices(undefined);
});
withServer('both services on a server', () => {
  bothServices(database.url);
});

describe('the embedded database', () => {
  it("is its owner's alone, and one that was interrupted in the making is made anew", async () => {
    const options = await optionsFor({});
    await organisationIn(join(folder, 'pglite.new'));
    await (await start(options)).stop();
    expect(readdirSync(folder).toSorted()).toEqual(['audit', 'keys', 'pglite', 'vault-root.key']);
    for (const name of ['audit', 'audit/vault', 'audit/responder', 'pglite', 'vault-root.key'])
      expect([name, (await stat(join(folder, name))).mode & 0o077]).toEqual([name, 0]);
  });

  it('that cannot be opened is said so in one line', async () => {
    const options = await optionsFor({});
    await mkdir(join(folder, 'pglite'));
    await writeFile(join(folder, 'pglite', 'PG_VERSION'), '99\n');
    await expect(start(options)).rejects.toMatchObject({
      name: 'StartError',
      exitCode: 1,
      message: expect.stringContaining(join(folder, 'pglite')),
    });
  });
});

describe('a start that cannot go on', () => {
  it('without its database writes nothing, and says so without the password', async () => {
    const options = await optionsFor({ BULLA_DATABASE_URL: 'postgresql://somebody:canary@127.0.0.1:1/bulla' });
    for (const name of ['keys', 'audit']) await rm(join(folder, name), { recursive: true });
    let made = false;
    const organisation = () => {
      made = true;
      return options.organisation(options.addresses, noHashes);
    };
    const refusal = await start({ ...options, organisation }).catch((error: unknown) => error as Error);
    expect(refusal).toMatchObject({
      name: 'DatabaseTrouble',
      exitCode: 1,
      message: 'no PostgreSQL listens at 127.0.0.1:1',
      hint: 'start it there, or mend host and port in BULLA_DATABASE_URL',
    });
    expect([made, readdirSync(folder)]).toEqual([false, []]);
  });

  it('because its file of models has a mistake makes nothing', async () => {
    const path = join(folder, 'models.yaml');
    await writeFile(path, 'models: {}\n');
    const options = await optionsFor({ BULLA_MODELS_FILE: path });
    for (const name of ['keys', 'audit']) await rm(join(folder, name), { recursive: true });
    await expect(start(options)).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringContaining('models.yaml:1:9: expected the names that prompts say'),
    });
    expect(readdirSync(folder)).toEqual(['models.yaml']);
  });

  it('because a port was taken meanwhile closes everything again', async () => {
    const options = await optionsFor({ BULLA_DATABASE_URL: database.url });
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(options.addresses.responderPort, '127.0.0.1', resolve));
    const publish = () => Promise.resolve();
    await expect(start({ ...options, publish })).rejects.toMatchObject({
      name: 'StartError',
      message: expect.stringContaining('a port was taken'),
    });
    await new Promise((resolve) => other.close(resolve));
    expect(await everyPortIsFree(options.addresses)).toBe(true);
  });

  it('because publishing fails says why, and closes everything again', async () => {
    const options = await optionsFor({ BULLA_DATABASE_URL: database.url });
    await expect(start({ ...options, publish: () => Promise.reject(new Error('refused')) })).rejects.toThrow('refused');
    expect(await everyPortIsFree(options.addresses)).toBe(true);
  });

  it.each(['organisation', 'publish'] as const)('because it was told to stop during %s ends there', async (step) => {
    const options = await optionsFor({ BULLA_DATABASE_URL: database.url });
    const ending = new AbortController();
    const stopped = { ...options, signal: ending.signal };
    const wrapped =
      step === 'organisation'
        ? {
            ...stopped,
            organisation: (addresses: Addresses) => (
              ending.abort(new Error('told to stop')), options.organisation(addresses, noHashes)
            ),
          }
        : { ...stopped, publish: () => (ending.abort(new Error('told to stop')), Promise.resolve()) };
    await expect(start(wrapped)).rejects.toThrow('told to stop');
    expect(await everyPortIsFree(options.addresses)).toBe(true);
  });

  it('because its keys may be read by others names the file', async () => {
    const options = await optionsFor({ BULLA_DATABASE_URL: database.url });
    const missing = {
      ...(await options.organisation(options.addresses, noHashes)),
      vaultKeysFile: join(folder, 'nothing.json'),
    };
    await expect(start({ ...options, organisation: () => Promise.resolve(missing) })).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringContaining('nothing.json'),
    });
  });
});
