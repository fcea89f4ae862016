import type { DirectoryEntity, KeyFile, KeyRecord, SuiteId } from '@bulla/crypto';
import { mintId, urnOf } from '@bulla/crypto';
import type { Home } from './home.js';
import { HomeError } from './home.js';
import type { KeyLife } from './key-file.js';
import { keyFileOnce, makeKey, makeKeyFile, recordOf, writeKeyFile } from './key-file.js';

/** Names inside the home folder. */
export const VAULT_KEYS = 'services/vault.keys.json';
export const RESPONDER_KEYS = 'services/responder.keys.json';
export const IDENTITY = 'identity.json';

const YEAR = 365 * 86_400;
/**
 * Keys sign for two years here; what they signed or can open stays good for twelve (protocol.md §4). To encryption keys
 * things are sealed for as long: a grant would have to be wrapped anew before its key may be left behind.
 */
const LIFE: Readonly<Record<'sig' | 'enc', KeyLife>> = {
  sig: { use: 2 * YEAR, end: 12 * YEAR },
  enc: { use: 12 * YEAR, end: 12 * YEAR },
};
/** A clock slightly behind should not see keys from the future. */
const BACKDATE_SECONDS = 60;

/** The private keys of everybody in a development organisation. */
export interface DevelopmentKeys {
  readonly vault: KeyFile;
  readonly responder: KeyFile;
  readonly device: KeyFile;
}

const FILES = { vault: VAULT_KEYS, responder: RESPONDER_KEYS, device: IDENTITY } as const;

/**
 * The key files, each made where it is not there.
 * @throws {HomeError} if one cannot be used, or belongs to another organisation
 */
export async function developmentKeys(home: Home, org: string, suite: SuiteId): Promise<DevelopmentKeys> {
  const service = (id: string) => urnOf(org, 'svc', id);
  const keys = {
    vault: await keyFileOnce(home, VAULT_KEYS, () => makeKeyFile(org, service('vault'), suite, ['http', 'envelope'])),
    responder: await keyFileOnce(home, RESPONDER_KEYS, () =>
      makeKeyFile(org, service('responder:local'), suite, ['http', 'reply'], ['unwrap']),
    ),
    device: await keyFileOnce(home, IDENTITY, () =>
      makeKeyFile(org, urnOf(org, 'dev', mintId('dev')), suite, ['http', 'invoke', 'content', 'tag'], ['unwrap']),
    ),
  };
  for (const [who, name] of Object.entries(FILES)) {
    if (keys[who as keyof DevelopmentKeys].org === org) continue;
    throw new HomeError(`${home.path(name)} belongs to another organisation; set BULLA_HOME to another folder`);
  }
  return keys;
}

/**
 * The same keys, with a new signing key first where the newest has a third of its life left. The old one stays listed:
 * what it signed is still good, and a vault that has not seen the new one yet still knows it.
 * @param recordsOf what the directory lists of an entity.
 */
export async function renewedKeys(
  home: Home,
  keys: DevelopmentKeys,
  recordsOf: (urn: string) => readonly KeyRecord[],
  { now, suite, changes }: { readonly now: number; readonly suite: SuiteId; readonly changes: string[] },
): Promise<DevelopmentKeys> {
  const renewed = { ...keys };
  for (const who of ['vault', 'responder', 'device'] as const) {
    const file = keys[who];
    const newest = file.keys.find(({ use }) => use === 'sig');
    // A key that is not listed was made by a run that was interrupted: it is as new as can be.
    const record = recordsOf(file.urn).find(({ kid }) => kid === newest?.kid);
    if (newest === undefined || record === undefined || record.use_until - now > LIFE.sig.use / 3) continue;
    renewed[who] = { ...file, keys: [await makeKey(suite, 'sig', newest.pur), ...file.keys] };
    await writeKeyFile(home, FILES[who], renewed[who]);
    changes.push(`signing key of the ${who} renewed for two years`);
  }
  return renewed;
}

/** What the directory lists of an entity, and of keys in its file that it does not list yet. */
export function withNewRecords(entity: DirectoryEntity, file: KeyFile, now: number): KeyRecord[] {
  const listed = new Set(entity.keys.map(({ kid }) => kid));
  const added = file.keys
    .filter(({ kid }) => !listed.has(kid))
    .map((key) => recordOf(key, now - BACKDATE_SECONDS, LIFE[key.use]));
  return [...entity.keys, ...added];
}
