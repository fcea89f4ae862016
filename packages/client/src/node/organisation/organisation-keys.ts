import type { DirectoryEntity, KeyFile, KeyRecord, SuiteId } from '@bulla/crypto';
import { isCheckpointKey, mintId, urnOf } from '@bulla/crypto';
import type { Home } from '../home/home.js';
import { HomeError } from '../home/home.js';
import type { KeyLife } from '../home/key-file.js';
import { keyFileOnce, makeKey, makeKeyFile, readKeyFile, recordOf, writeKeyFile } from '../home/key-file.js';
import { LOG_KEY_LIFE } from '../../trust/next-directory.js';
import { isDue, lifeInWords } from './life.js';
import type { LoggingService } from './log-keys.js';
import { withNextLog } from './log-keys.js';
import type { KeyHolder, OrganisationKeys } from './key-names.js';
import { IDENTITY, KEY_FILES, RENEWER_KEYS, RESPONDER_KEYS, VAULT_KEYS } from './key-names.js';
import { isManagedKey } from '../../trust/managed-names.js';
import { withManagedKeys } from './managed-keys.js';

/** How long the keys of each entity sign or are encrypted to, and how long what they did stays good. */
export type OrganisationKeyLives = Readonly<Record<KeyHolder, Readonly<Record<'sig' | 'enc', KeyLife>>>>;

/** What of an organisation's plan its keys need. */
interface KeyPlan {
  readonly org: string;
  readonly responder: string;
  readonly suite: SuiteId;
  readonly keyLife: OrganisationKeyLives;
}

interface RenewalPlan extends KeyPlan {
  readonly now: number;
  /** The suite of new keys that the policy names, where there is a policy. */
  readonly chosen: SuiteId | undefined;
  readonly changes: string[];
}

/** A clock slightly behind should not see keys from the future. */
const BACKDATE_SECONDS = 60;

/** Files without which an organisation that was made is not whole. */
const NEEDED = [VAULT_KEYS, RESPONDER_KEYS, IDENTITY] as const;

/**
 * The key files, each made where it is not there.
 * @param areListed whether a directory lists them: then none is made, since nothing opens what was sealed to a lost key.
 * @param addsRenewer whether a renewer is made also where they are listed, for an organisation that has none here.
 * @throws {HomeError} if one is gone, cannot be used, or belongs to another organisation
 */
export async function organisationKeys(
  home: Home,
  { org, suite, responder }: KeyPlan,
  { areListed, addsRenewer }: { readonly areListed: boolean; readonly addsRenewer: boolean },
): Promise<OrganisationKeys> {
  if (areListed) await requireAll(home);
  const firstLog = (who: LoggingService, file: KeyFile) => withNextLog(home, who, file, 1);
  const service = (id: string) => urnOf(org, 'svc', id);
  const device = () => urnOf(org, 'dev', mintId('dev'));
  const keys: OrganisationKeys = {
    vault: await keyFileOnce(home, VAULT_KEYS, async () =>
      withManagedKeys(
        await firstLog('vault', await makeKeyFile(org, service('vault'), suite, ['http', 'envelope'])),
        suite,
      ),
    ),
    responder: await keyFileOnce(home, RESPONDER_KEYS, async () =>
      firstLog(
        'responder',
        await makeKeyFile(org, service(`responder:${responder}`), suite, ['http', 'reply'], ['unwrap']),
      ),
    ),
    device: await keyFileOnce(home, IDENTITY, () =>
      makeKeyFile(org, device(), suite, ['http', 'invoke', 'content', 'tag'], ['unwrap']),
    ),
    renewer:
      areListed && !addsRenewer
        ? await readKeyFile(home, RENEWER_KEYS)
        : await keyFileOnce(home, RENEWER_KEYS, () => makeRenewerKeys(org, device(), suite)),
  };
  for (const [who, name] of Object.entries(KEY_FILES)) {
    const file = keys[who as KeyHolder];
    if (file === undefined || file.org === org) continue;
    throw new HomeError(`${home.path(name)} belongs to another organisation; set BULLA_HOME to another folder`);
  }
  return keys;
}

/** One key for its requests and one for its word, which is why a stolen one of the first is not the second. */
async function makeRenewerKeys(org: string, urn: string, suite: SuiteId): Promise<KeyFile> {
  return { v: 1, org, urn, keys: [await makeKey(suite, 'sig', ['http']), await makeKey(suite, 'sig', ['fresh'])] };
}

/**
 * The same keys, with those for managed names where the vault's file is from before there were any. A vault takes them while
 * it runs, and the directory lists them once the policy has managed names: until then the vault signs no content,
 * and nothing is sealed to it. A vault whose keys are elsewhere gets none.
 * @param recordsOf what the directory lists of an entity but for what is revoked; undefined where there is no directory.
 */
export async function withVaultManagedKeys(
  home: Home,
  keys: OrganisationKeys,
  recordsOf: ((urn: string) => readonly KeyRecord[]) | undefined,
  { suite, changes }: { readonly suite: SuiteId; readonly changes: string[] },
): Promise<OrganisationKeys> {
  const { vault } = keys;
  const records = recordsOf?.(vault.urn);
  const isInUse = records === undefined || vault.keys.some(({ kid }) => records.some((record) => record.kid === kid));
  const next = isInUse && records?.some(isManagedKey) !== true ? await withManagedKeys(vault, suite) : vault;
  if (next.keys.length === vault.keys.length) return keys;
  await writeKeyFile(home, VAULT_KEYS, next);
  changes.push('keys of the vault for managed names made; it takes them while it runs');
  return { ...keys, vault: next };
}

async function requireAll(home: Home): Promise<void> {
  for (const name of NEEDED) {
    if ((await home.readSecret(name)) !== undefined) continue;
    throw new HomeError(`${home.path(name)} is gone and the directory lists its keys; restore it from a backup`);
  }
}

/**
 * The same keys, with a new signing key first where the newest of its purposes is due, or (of vault and renewer) of
 * another suite than the policy names first. The old one stays listed: what it
 * signed is still good, and a vault that has not seen the new one yet still knows it.
 * @param recordsOf what the directory lists of an entity; of one that was revoked nothing.
 */
export async function renewedKeys(
  home: Home,
  keys: OrganisationKeys,
  recordsOf: (urn: string) => readonly KeyRecord[],
  { now, keyLife, changes, chosen }: RenewalPlan,
): Promise<OrganisationKeys> {
  const renewed = { ...keys };
  for (const who of ['vault', 'responder', 'device', 'renewer'] as const) {
    const file = keys[who];
    if (file === undefined) continue;
    const { use } = keyLife[who].sig;
    const records = recordsOf(file.urn);
    // Others who follow the policy to another suite get both keys anew, by a command of their own.
    const follows = chosen !== undefined && (who === 'vault' || who === 'renewer');
    const suiteOf = (key: Pick<KeyRecord, 'suite'>) => (follows ? chosen : key.suite);
    const due = newestOf(file).filter((key) => {
      const { kid, suite } = key;
      // One for checkpoints ends with its log: what follows it is the key of the next.
      // guard: renew-log-key
      if (isCheckpointKey(key)) return false;
      // Nothing here takes its place unasked: the next one is made in a token, too (bulla keys generate --token).
      // guard: renew-in-token
      if ('token' in key) return false;
      // A key that is not listed was made by a run that was interrupted: it is as new as can be.
      const record = records.find((one) => one.kid === kid);
      return record !== undefined && (isDue(record.use_until - now, use) || suite !== suiteOf(record));
    });
    if (due.length === 0) continue;
    const made = await Promise.all(due.map((key) => makeKey(suiteOf(key), 'sig', key.pur)));
    const next = { ...file, keys: [...made, ...file.keys] };
    renewed[who] = next;
    await writeKeyFile(home, KEY_FILES[who], next);
    const what = due.length > 1 ? 'signing keys' : 'signing key';
    changes.push(`${what} of the ${who} renewed for ${lifeInWords(use)}`);
  }
  return renewed;
}

/** The signing keys that are used: the first of each purpose. */
function newestOf({ keys }: KeyFile): KeyFile['keys'] {
  const signing = keys.filter(({ use }) => use === 'sig');
  const purposeOf = ({ pur }: KeyFile['keys'][number]) => pur.join(' ');
  return signing.filter((key, index) => signing.findIndex((one) => purposeOf(one) === purposeOf(key)) === index);
}

/** What the directory lists of an entity, and of keys in its file that it does not list yet. */
export function withNewRecords(
  entity: DirectoryEntity,
  file: KeyFile,
  life: OrganisationKeyLives[KeyHolder],
  now: number,
): KeyRecord[] {
  const listed = new Set(entity.keys.map(({ kid }) => kid));
  const added = file.keys
    .filter(({ kid }) => !listed.has(kid))
    .map((key) => recordOf(key, now - BACKDATE_SECONDS, isCheckpointKey(key) ? LOG_KEY_LIFE : life[key.use]));
  return [...entity.keys, ...added];
}
