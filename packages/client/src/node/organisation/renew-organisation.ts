import { parseDirectory, requireSeconds } from '@bulla/crypto';
import { DEVELOPMENT_ORG, developmentPlan } from './development.js';
import type { Home } from '../home/home.js';
import type { OrganisationOptions, OwnOrganisation } from './organisation.js';
import { newestRootOf, prepareOrganisation } from './organisation.js';
import { findDocumentSigners } from './document-key.js';
import { productionPlan } from './production.js';
import { RESPONDER_KEYS } from './organisation-keys.js';
import { readKeyFile } from '../home/key-file.js';
import { readProfile } from '../home/profile.js';
import { newerThan } from './stale-files.js';

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

/**
 * Keys of the responder's file in this folder that its directory does not list yet, and that things will be sealed to. The
 * responder itself may read another copy of that file.
 * @param now seconds.
 * @returns undefined where there are none, or no directory yet, or the file is stale: nothing of it is listed then.
 */
export async function unlistedEncryptionKeys(
  home: Home,
  now: number,
): Promise<{ readonly urn: string; readonly kids: readonly string[] } | undefined> {
  requireSeconds(now);
  const org = (await readProfile(home))?.org;
  const stored = org === undefined ? undefined : await home.read(`org/${org}/directory.json`);
  const file = await readKeyFile(home, RESPONDER_KEYS);
  if (stored === undefined || file === undefined) return undefined;
  const { entities, revoked } = (await parseDirectory(stored)).payload;
  const records = entities[file.urn]?.keys ?? [];
  const counting = records.filter((record) => !revoked.some(({ kid }) => kid === record.kid));
  if (newerThan(file, counting, now) !== undefined) return undefined;
  const listed = new Set(records.map(({ kid }) => kid));
  const kids = file.keys.filter(({ kid, use }) => use === 'enc' && !listed.has(kid)).map(({ kid }) => kid);
  return kids.length === 0 ? undefined : { urn: file.urn, kids };
}
