import type { DirectoryEntity, KeyFile, KeyRecord, SuiteId } from '@bulla/crypto';
import { mintId, urnOf } from '@bulla/crypto';
import type { Home } from './home.js';
import { HomeError } from './home.js';
import type { KeyLife } from './key-file.js';
import { keyFileOnce, makeKey, makeKeyFile, recordOf, writeKeyFile } from './key-file.js';
import { lifeInWords } from './life.js';

/** Names inside the home folder. */
export const VAULT_KEYS = 'services/vault.keys.json';
export const RESPONDER_KEYS = 'services/responder.keys.json';
export const IDENTITY = 'identity.json';

/** How long the keys of each entity sign or are encrypted to, and how long what they did stays good. */
export type OrganisationKeyLives = Readonly<Record<keyof OrganisationKeys, Readonly<Record<'sig' | 'enc', KeyLife>>>>;

/** What of an organisation's plan its keys need. */
interface KeyPlan {
  readonly org: string;
  readonly responder: string;
  readonly suite: SuiteId;
  readonly keyLife: OrganisationKeyLives;
}

/** A clock slightly behind should not see keys from the future. */
const BACKDATE_SECONDS = 60;

/** The private keys of everybody in an organisation that lies in one folder. */
export interface OrganisationKeys {
  readonly vault: KeyFile;
  readonly responder: KeyFile;
  readonly device: KeyFile;
}

const FILES = { vault: VAULT_KEYS, responder: RESPONDER_KEYS, device: IDENTITY } as const;

/**
 * The key files, each made where it is not there.
 * @param areListed whether a directory lists them: then none is made, since nothing opens what was sealed to a lost key.
 * @throws {HomeError} if one is gone, cannot be used, or belongs to another organisation
 */
export async function organisationKeys(
  home: Home,
  { org, suite, responder }: KeyPlan,
  areListed: boolean,
): Promise<OrganisationKeys> {
  if (areListed) await requireAll(home);
  const service = (id: string) => urnOf(org, 'svc', id);
  const keys = {
    vault: await keyFileOnce(home, VAULT_KEYS, () => makeKeyFile(org, service('vault'), suite, ['http', 'envelope'])),
    responder: await keyFileOnce(home, RESPONDER_KEYS, () =>
      makeKeyFile(org, service(`responder:${responder}`), suite, ['http', 'reply'], ['unwrap']),
    ),
    device: await keyFileOnce(home, IDENTITY, () =>
      makeKeyFile(org, urnOf(org, 'dev', mintId('dev')), suite, ['http', 'invoke', 'content', 'tag'], ['unwrap']),
    ),
  };
  for (const [who, name] of Object.entries(FILES)) {
    if (keys[who as keyof OrganisationKeys].org === org) continue;
    throw new HomeError(`${home.path(name)} belongs to another organisation; set BULLA_HOME to another folder`);
  }
  return keys;
}

async function requireAll(home: Home): Promise<void> {
  for (const name of Object.values(FILES)) {
    if ((await home.readSecret(name)) !== undefined) continue;
    throw new HomeError(`${home.path(name)} is gone and the directory lists its keys; restore it from a backup`);
  }
}

/**
 * The same keys, with a new signing key first where the newest has a third of its life left. The old one stays listed:
 * what it signed is still good, and a vault that has not seen the new one yet still knows it.
 * @param recordsOf what the directory lists of an entity.
 */
export async function renewedKeys(
  home: Home,
  keys: OrganisationKeys,
  recordsOf: (urn: string) => readonly KeyRecord[],
  { now, keyLife, changes }: KeyPlan & { readonly now: number; readonly changes: string[] },
): Promise<OrganisationKeys> {
  const renewed = { ...keys };
  for (const who of ['vault', 'responder', 'device'] as const) {
    const file = keys[who];
    const newest = file.keys.find(({ use }) => use === 'sig');
    // A key that is not listed was made by a run that was interrupted: it is as new as can be.
    const record = recordsOf(file.urn).find(({ kid }) => kid === newest?.kid);
    const { use } = keyLife[who].sig;
    if (newest === undefined || record === undefined || record.use_until - now > use / 3) continue;
    renewed[who] = { ...file, keys: [await makeKey(newest.suite, 'sig', newest.pur), ...file.keys] };
    await writeKeyFile(home, FILES[who], renewed[who]);
    changes.push(`signing key of the ${who} renewed for ${lifeInWords(use)}`);
  }
  return renewed;
}

/** What the directory lists of an entity, and of keys in its file that it does not list yet. */
export function withNewRecords(
  entity: DirectoryEntity,
  file: KeyFile,
  life: OrganisationKeyLives[keyof OrganisationKeys],
  now: number,
): KeyRecord[] {
  const listed = new Set(entity.keys.map(({ kid }) => kid));
  const added = file.keys
    .filter(({ kid }) => !listed.has(kid))
    .map((key) => recordOf(key, now - BACKDATE_SECONDS, life[key.use]));
  return [...entity.keys, ...added];
}
