import { parseDirectory, requireSeconds } from '@bulla/crypto';
import { DEVELOPMENT_ORG, developmentPlan } from './development.js';
import type { Home } from '../home/home.js';
import type { OrganisationOptions, OwnOrganisation } from './organisation.js';
import { prepareOrganisation } from './organisation.js';
import { productionPlan } from './production.js';
import { RESPONDER_KEYS } from './organisation-keys.js';
import { readKeyFile } from '../home/key-file.js';
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
  options: Pick<OrganisationOptions, 'keptHashes' | 'beginsLogs' | 'leavesOut'> = {},
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

/**
 * Keys of the responder's file in this folder that its directory does not list yet, and that things will be sealed to. The
 * responder itself may read another copy of that file.
 * @returns undefined where there are none, or no directory yet.
 */
export async function unlistedEncryptionKeys(
  home: Home,
): Promise<{ readonly urn: string; readonly kids: readonly string[] } | undefined> {
  const org = (await readProfile(home))?.org;
  const stored = org === undefined ? undefined : await home.read(`org/${org}/directory.json`);
  const file = await readKeyFile(home, RESPONDER_KEYS);
  if (stored === undefined || file === undefined) return undefined;
  const { entities } = (await parseDirectory(stored)).payload;
  const listed = new Set(entities[file.urn]?.keys.map(({ kid }) => kid));
  const kids = file.keys.filter(({ kid, use }) => use === 'enc' && !listed.has(kid)).map(({ kid }) => kid);
  return kids.length === 0 ? undefined : { urn: file.urn, kids };
}
