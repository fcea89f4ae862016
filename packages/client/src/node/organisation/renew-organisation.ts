import { requireSeconds } from '@bulla/crypto';
import { DEVELOPMENT_ORG, developmentPlan } from './development.js';
import type { Home } from '../home/home.js';
import type { OrganisationOptions, OwnOrganisation } from './organisation.js';
import { prepareOrganisation } from './organisation.js';
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
  options: Pick<OrganisationOptions, 'keptHashes' | 'beginsLogs'> = {},
): Promise<OwnOrganisation | undefined> {
  requireSeconds(now);
  const org = (await readProfile(home))?.org;
  if (org === undefined || (await home.readSecret(`org/${org}/directory.key`)) === undefined) return undefined;
  return prepareOrganisation(home, org === DEVELOPMENT_ORG ? developmentPlan() : productionPlan(org), {
    now,
    ...options,
    signsStale: true,
  });
}
