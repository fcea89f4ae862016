import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeOrganisation } from '@bulla/crypto/testing';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { setUpMarkFolder } from '@bulla/service-kit/testing';
import { committedKeyPair } from '@bulla/testkit';
import { type ServiceProcess, startService } from './service-process.js';

const SECRET = 'a-secret-that-lets-one-in';

/** A vault in a process of its own that serves one organisation. */
export interface VaultWorld {
  readonly organisation: TestOrganisation;
  readonly vault: ServiceProcess;
  /** What it was started with: another replica needs the same. */
  readonly settings: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Key file and settings for vaults on one database, which may not exist yet. */
export async function vaultSettings(
  organisation: TestOrganisation,
  databaseUrl: string,
): Promise<{ settings: Record<string, string>; marks: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'bulla-faults-'));
  const keys = join(folder, 'vault.keys.json');
  await writeFile(keys, JSON.stringify(organisation.vault.keyFile), { mode: 0o600 });
  // Where a service looks for its marks unless it is told.
  const marks = setUpMarkFolder(`${keys}.audit-marks`, organisation.vault.keyFile);
  return {
    settings: { BULLA_DATABASE_URL: databaseUrl, BULLA_KEYS_FILE: keys, BULLA_BOOTSTRAP_SECRET: SECRET },
    marks,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Starts a vault and brings it an organisation of its own, which may have been made before. */
export async function startVaultWorld(
  databaseUrl: string,
  more: Readonly<Record<string, string>> = {},
  made?: TestOrganisation,
): Promise<VaultWorld> {
  const organisation = made ?? (await makeOrganisation({ readyKeyPair: committedKeyPair }));
  const { settings, ...folder } = await vaultSettings(organisation, databaseUrl);
  const vault = await startService('vault', { ...settings, ...more });
  await bring(vault.url, organisation);
  return {
    organisation,
    vault,
    settings,
    async stop() {
      await vault.stop();
      await folder.remove();
    },
  };
}

/** @throws {Error} when the vault does not let it in */
export async function bring(url: string, { org, documents, trust }: TestOrganisation): Promise<void> {
  const [root] = documents.roots;
  const { policy, directory } = documents;
  const { status } = await fetch(`${url}/api/v1/organisations/${org}`, {
    method: 'PUT',
    headers: { authorization: `Bootstrap ${SECRET}`, 'content-type': 'application/json' },
    body: JSON.stringify({ root, policy, directory, hashes: trust.memory.hashes ?? [] }),
  });
  if (status !== 201) throw new Error(`the organisation was not let in: ${status}`);
}
