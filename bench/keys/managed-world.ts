import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeOrganisation } from '@bulla/crypto/testing';
import { makeRootKeyFile } from '../../services/vault/src/managed/root-key/file-root-key.js';
import type { Ground } from '../requests.js';
import { startWorld, storePrompt, type World } from '../world.js';

const MANAGED_NAME = 'open/triage';

/** A world whose vault has a root key, and manages what lies under `open/`. */
export interface ManagedWorld extends World {
  /** A prompt under a managed name; that of the world itself is sealed. */
  readonly managed: Ground;
  /** Where its root key is. */
  readonly rootKeyFile: string;
}

/** Starts it, stores a prompt of either custody and has an envelope issued for each. */
export async function startManagedWorld(): Promise<ManagedWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'bulla-bench-'));
  const rootKeyFile = join(folder, 'root.key');
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    makeRootKeyFile(rootKeyFile);
    const custody = { '*': 'sealed', 'open/': 'managed' } as const;
    const organisation = await makeOrganisation({ manages: true, policy: { custody } });
    const world = await startWorld({ BULLA_ROOT_KEY: `file:${rootKeyFile}` }, organisation);
    const { askers } = world.ground;
    const managed = await storePrompt(world.vault.url, organisation, askers, MANAGED_NAME);
    const stop = async () => {
      await world.stop();
      await remove();
    };
    return { ...world, managed, rootKeyFile, stop };
  } catch (error) {
    await remove();
    throw error;
  }
}
