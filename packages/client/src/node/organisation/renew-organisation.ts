import { requireSeconds } from '@bulla/crypto';
import { DEVELOPMENT_ORG, developmentPlan } from './development.js';
import type { Home } from '../home/home.js';
import type { OrganisationOptions, OwnOrganisation } from './organisation.js';
import { newestRootOf, prepareOrganisation } from './organisation.js';
import { findDocumentSigners } from './document-key.js';
import { productionPlan } from './production.js';
import { readProfile } from '../home/profile.js';

/**
 * Renews what is due of the organisation whose keys lie in a folder; what it says stays as it is. A directory that no
 * renewer calls the newest is due, too: its signer says that it is the newest.
 * @param now seconds.
 * @param options `keptHashes` reads what a vault keeps, for a folder that an earlier version made.
 * @returns undefined where the key of its directory is kept elsewhere.
 * @throws {HomeError} as prepareOrganisation
 */
export async function renewOrganisation(
  home: Home,
  now: number,
  options: Pick<OrganisationOptions, 'keptHashes' | 'beginsLogs' | 'heardLogs' | 'leavesOut'> = {},
): Promise<OwnOrganisation | undefined> {
  requireSeconds(now);
  const org = (await readProfile(home))?.org;
  if (org === undefined || !(await signsDirectory(home, `org/${org}`))) return undefined;
  return prepareOrganisation(home, org === DEVELOPMENT_ORG ? developmentPlan() : productionPlan(org), {
    now,
    ...options,
    signsStale: true,
  });
}

/** Whether enough of the keys that sign the directory lie here. */
async function signsDirectory(home: Home, folder: string): Promise<boolean> {
  const held = await findDocumentSigners(home, folder, 'directory');
  const role = (await newestRootOf(home, folder))?.roles.directory;
  if (role === undefined) return held.length > 0;
  return held.filter(({ kid }) => role.kids.includes(kid)).length >= role.threshold;
}
