import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeOrganisation } from '@bulla/crypto/testing';
import type { TestDatabase } from '@bulla/testkit';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startVault } from '../src/start.js';

let folder: string;
let database: TestDatabase;
let keysFile: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-vault-'));
  keysFile = join(folder, 'vault.keys.json');
  const { vault, author } = await makeOrganisation();
  await writeFile(keysFile, JSON.stringify(vault.keyFile), { mode: 0o600 });
  await writeFile(join(folder, 'device.keys.json'), JSON.stringify(author.keyFile), { mode: 0o600 });
  database = await databaseForTest();
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const environment = (changes: Record<string, string | undefined> = {}) => ({
  BULLA_DATABASE_URL: database.url,
  BULLA_KEYS_FILE: keysFile,
  BULLA_BOOTSTRAP_SECRET: 'a-secret-that-lets-one-in',
  BULLA_VAULT_PORT: '0',
  BULLA_METRICS_PORT: '0',
  BULLA_LOG_LEVEL: 'silent',
  ...changes,
});

describe('a vault on its own', () => {
  it('listens, says that it is ready, ends when it is closed, and starts again on the same database', async () => {
    for (let start = 0; start < 2; start++) {
      const service = await startVault(environment());
      const { port } = service.app.getHttpServer().address() as AddressInfo;
      const ready = await fetch(`http://127.0.0.1:${port}/health/ready`);
      expect([ready.status, await ready.json()]).toMatchObject([200, { status: 'ok' }]);
      expect(service.authorities).toContain(`127.0.0.1:${port}`);
      await service.close();
      await expect(fetch(`http://127.0.0.1:${port}/health/live`)).rejects.toThrow('fetch failed');
    }
  });

  it('does not start when its port is taken, and lets go of everything', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => void holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as AddressInfo;
    await expect(startVault(environment({ BULLA_VAULT_PORT: String(port) }))).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    await new Promise((resolve) => void holder.close(resolve));
  });

  it.each([
    ['no database', { BULLA_DATABASE_URL: undefined }, /BULLA_DATABASE_URL is not set; expected a URL/],
    [
      'another kind of database',
      { BULLA_DATABASE_URL: 'mysql://host/canary' },
      /^BULLA_DATABASE_URL [^c]*: expected a URL/,
    ],
    ['no key file', { BULLA_KEYS_FILE: undefined }, /BULLA_KEYS_FILE is not set/],
    [
      'a secret that no header can carry',
      { BULLA_BOOTSTRAP_SECRET: 'a secret with spaces in it' },
      /^BULLA_BOOTSTRAP_SECRET /,
    ],
    ['an unknown setting', { BULLA_VAULT_PROT: '4100' }, /BULLA_VAULT_PROT/],
  ])('does not start with %s', async (_name, changes, message) => {
    await expect(startVault(environment(changes))).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringMatching(message),
    });
  });

  it.each([
    ['is not there', 'nothing.json'],
    ['has no key for envelopes', 'device.keys.json'],
  ])('does not start with a key file that %s', async (_name, file) => {
    const changes = { BULLA_KEYS_FILE: join(folder, file) };
    await expect(startVault(environment(changes))).rejects.toMatchObject({ name: 'KeyFileError', exitCode: 78 });
  });
});
