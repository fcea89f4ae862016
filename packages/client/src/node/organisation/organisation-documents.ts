import type {
  DirectoryDocument,
  KeyRecord,
  ParsedDocument,
  PolicyDocument,
  RootDocument,
  SuiteId,
} from '@bulla/crypto';
import {
  ALL_SUITES,
  FIRST_CHAIN,
  foldChain,
  mintId,
  nextChain,
  parseDirectory,
  parsePolicy,
  parseRoot,
  pinOf,
  secondsOf,
  signDocument,
  timestampOf,
  urnOf,
} from '@bulla/crypto';
import type { KeptHashes } from './directory-hashes.js';
import { hashesBefore } from './directory-hashes.js';
import type { DocumentSigner } from './document-key.js';
import { firstRoles } from './document-key.js';
import type { Home } from '../home/home.js';
import { HomeError } from '../home/home.js';
import { isDue, lifeInWords } from './life.js';
import { isManagedKey, managesNames } from '../../trust/managed-names.js';
import { requireNobodyLockedOut } from '../../trust/locked-out.js';
import { namedPolicy } from './named-policy.js';
import type { PolicySettings } from './policy-settings.js';
import { policySettings } from './policy-settings.js';
import type { OrganisationKeys } from './key-names.js';
import type { OrganisationKeyLives } from './organisation-keys.js';
import { withNewRecords } from './organisation-keys.js';
import { isStale, rememberFirst, renewerEntity } from './own-renewer.js';
import { versionName } from './replaced-documents.js';

/** What an organisation is called and how long what it signs is good; all times in seconds. */
export interface OrganisationPlan {
  readonly org: string;
  readonly profile: RootDocument['profile'];
  /** The last part of the responder's URN. */
  readonly responder: string;
  readonly suite: SuiteId;
  /** How long each document lives; it is signed anew when it is due. */
  readonly life: Readonly<Record<DocumentKind, number>>;
  readonly keyLife: OrganisationKeyLives;
  /** How many people have a key of root and policy each, and how many of them must sign; one unless given. */
  readonly owners?: { readonly count: number; readonly threshold: number } | undefined;
}

/**
 * What a new organisation decides: everything sealed, and authors write it. On a machine for trying things its members
 * may chat, too; in production that is for the organisation to say. Its own suite comes first, since new devices
 * take the first that they have.
 */
function firstPolicy({ suite, profile }: OrganisationPlan): PolicySettings {
  const sealing = ALL_SUITES.filter(({ id, seal }) => seal !== undefined && id !== suite).map(({ id }) => id);
  return {
    suites: [suite, ...sealing],
    custody: { '*': 'sealed' },
    authors: { '*': ['grp:authors'] },
    labels: {},
    chat: profile === 'development' ? ['grp:members'] : [],
    auth: { bearer: false, oidc: 'off' },
    max_skew: 60,
  };
}

export type DocumentKind = 'root' | 'policy' | 'directory';

/** An organisation being made or renewed. */
export interface OrganisationMaker {
  readonly home: Home;
  readonly plan: OrganisationPlan;
  readonly folder: string;
  readonly now: number;
  readonly urls: { readonly vault: string; readonly responder: string };
  /** Undefined where too few of the keys are here: then what they signed stays as it is. */
  readonly signers: Readonly<Record<DocumentKind, readonly DocumentSigner[] | undefined>>;
  readonly keys: OrganisationKeys;
  /** Whether a directory that no renewer calls the newest is due, whatever is left of it. */
  readonly signsStale: boolean;
  readonly changes: string[];
  /** `kid` of keys in the files that the directory does not list yet. */
  readonly leavesOut: ReadonlySet<string>;
  /** Of directories that this folder does not have any more. */
  readonly hashes?: KeptHashes | undefined;
}

/** Root versions from the first on, with a new one where the newest is due. */
export async function rootChain({ home, plan, folder, now, signers, changes }: OrganisationMaker): Promise<string[]> {
  const { org, profile, life } = plan;
  const chain: string[] = [];
  for (;;) {
    const name = chain.length === 0 ? `${folder}/root.json` : `${folder}/root.${chain.length + 1}.json`;
    const stored = await home.read(name);
    if (stored !== undefined) {
      chain.push(stored);
      continue;
    }
    const newest = chain.at(-1);
    const before = newest === undefined ? undefined : (await parseRoot(newest)).payload;
    if (before !== undefined && !isDue(leftOf(before, now), life.root)) return chain;
    const { root: own, policy, directory } = signers;
    // What comes with a new root is signed by all of them, so it is signed where enough of each are.
    if (own === undefined || policy === undefined || directory === undefined) return chain;
    const { keys, roles } = before ?? firstRoles({ root: own, policy, directory }, plan.owners?.threshold);
    const root: RootDocument = {
      _type: 'bulla-root',
      spec: '1',
      org,
      profile,
      version: chain.length + 1,
      ...validity(life.root, now),
      keys,
      roles,
      ...(before?.recovery_enc && { recovery_enc: before.recovery_enc }),
    };
    await home.write(name, await signDocument(root, own));
    changes.push(`root version ${root.version} signed for ${lifeInWords(life.root)}`);
  }
}

/** The policy, or its next version where it is due. */
export async function policyDocument(
  { home, plan, folder, now, signers, changes }: OrganisationMaker,
  rootVersion: number,
): Promise<string> {
  const name = `${folder}/policy.json`;
  const stored = await home.read(name);
  const current = stored === undefined ? undefined : await parsePolicy(stored);
  // One of spec 1 lets tags live for a week, and is replaced. A new root comes with a policy of its own.
  const due =
    current?.payload.spec !== '2' ||
    current.payload.root_version < rootVersion ||
    isDue(leftOf(current.payload, now), plan.life.policy);
  if (stored !== undefined && !due) return stored;
  if (signers.policy === undefined) return stored ?? missing(home, `${folder}/policy.key`, 'sign the policy');
  const policy: PolicyDocument = {
    _type: 'bulla-policy',
    spec: '2',
    org: plan.org,
    version: (current?.payload.version ?? 0) + 1,
    root_version: rootVersion,
    ...(current && { prev: current.hash }),
    ...validity(plan.life.policy, now),
    ...(current === undefined ? firstPolicy(plan) : policySettings(current.payload)),
  };
  const token = await signDocument(policy, signers.policy);
  if (stored !== undefined) await home.write(versionName(folder, 'policy', policy.version - 1), stored);
  await home.write(name, token);
  changes.push(`policy version ${policy.version} signed for ${lifeInWords(plan.life.policy)}`);
  return token;
}

/** The directory, or its next version where it is due or something it says has changed. */
export async function directoryDocument(
  maker: OrganisationMaker,
  roots: readonly string[],
  policy: string,
): Promise<string> {
  const { home, plan, folder, keys, now, signers, changes } = maker;
  const place = { org: plan.org, pin: pinOf(await parseRoot(roots[0] ?? '')), now };
  const name = `${folder}/directory.json`;
  const stored = await home.read(name);
  const current = stored === undefined ? undefined : await parseDirectory(stored);
  const { payload, hash } = await parsePolicy(policy);
  const entities = entitiesOf(maker, current?.payload.entities ?? firstEntities(maker), payload);
  const isEarlier = current?.payload.spec === '1';
  const same =
    !isEarlier &&
    current?.payload.policy.hash === hash &&
    JSON.stringify(entities) === JSON.stringify(current.payload.entities);
  const due =
    current === undefined ||
    isDue(leftOf(current.payload, now), plan.life.directory) ||
    (same && maker.signsStale && (await isStale(home, { roots, policy, directory: stored ?? '' }, place)));
  if (stored !== undefined && same && !due) return stored;
  if (signers.directory === undefined) {
    if (stored !== undefined && same) return stored;
    if (isEarlier) throw fromEarlierVersion(home);
    return missing(home, `${folder}/directory.key`, 'sign the directory');
  }
  const directory: DirectoryDocument = {
    _type: 'bulla-directory',
    spec: '2',
    org: plan.org,
    version: (current?.payload.version ?? 0) + 1,
    root_version: roots.length,
    ...(current && { prev: current.hash }),
    chain: current === undefined ? FIRST_CHAIN : await chainAfter(maker, current),
    policy: { version: payload.version, hash },
    ...validity(plan.life.directory, now),
    entities,
    revoked: current?.payload.revoked ?? [],
    kept: current?.payload.kept ?? [],
    withdrawn: current?.payload.withdrawn ?? [],
  };
  if (current !== undefined) {
    const before = (await namedPolicy(home, folder, current.payload))?.payload ?? payload;
    requireNobodyLockedOut({ policy: before, directory: current.payload }, { policy: payload, directory }, now);
  }
  const token = await signDocument(directory, signers.directory);
  const renewer = keys.renewer?.urn ?? '';
  if (Object.hasOwn(entities, renewer) && current?.payload.entities[renewer] === undefined) {
    await rememberFirst(home, { roots, policy, directory: token }, place);
    if (current !== undefined) changes.push('renewer listed, which says every hour what is the newest');
  }
  if (stored !== undefined) await home.write(versionName(folder, 'directory', directory.version - 1), stored);
  await home.write(name, token);
  changes.push(`directory version ${directory.version} signed for ${lifeInWords(plan.life.directory)}`);
  return token;
}

/** One that was made before there were chains is followed by one that counts all before it. */
async function chainAfter(
  { home, plan, hashes }: OrganisationMaker,
  { payload, hash }: ParsedDocument<DirectoryDocument>,
): Promise<string> {
  if (payload.chain !== undefined) return nextChain(payload.chain, hash);
  const before = await hashesBefore(home, plan.org, payload.version, hashes);
  return foldChain(FIRST_CHAIN, [...before, hash]);
}

/** What was made by an earlier version is followed by what this one makes; where that cannot be, everything begins anew. */
function fromEarlierVersion({ folder }: Home): HomeError {
  return new HomeError(
    `${folder} was made by an earlier version, and the key of its directory is not here: pull your prompts with that version, run bulla init in another BULLA_HOME, push them there`,
  );
}

function missing(home: Home, key: string, purpose: string): never {
  throw new HomeError(`${home.path(key)} is not here, and it must ${purpose}; bring it back for that`);
}

function firstEntities({ plan, keys, urls }: OrganisationMaker): DirectoryDocument['entities'] {
  return {
    [keys.vault.urn]: { kind: 'vault', url: urls.vault, roles: ['service'], keys: [] },
    [keys.responder.urn]: { kind: 'responder', url: urls.responder, roles: ['service'], keys: [] },
    [keys.device.urn]: {
      kind: 'device',
      user: urnOf(plan.org, 'user', mintId('usr')),
      roles: ['owner', 'author', 'invoker'],
      groups: ['grp:authors', 'grp:members'],
      keys: [],
    },
    ...(keys.renewer && { [keys.renewer.urn]: renewerEntity(plan.org) }),
  };
}

/** The entities with the services where they are now (a port may have changed since the last start), and every key. */
function entitiesOf(
  { plan, folder, keys, now, urls, leavesOut }: OrganisationMaker,
  entities: DirectoryDocument['entities'],
  policy: PolicyDocument,
): DirectoryDocument['entities'] {
  // Until the policy has managed names, the vault signs no content and nothing is sealed to it.
  // guard: managed-keys-listed without: const isListed = () => true;
  const isListed = (key: Pick<KeyRecord, 'pur'>) => managesNames(policy) || !isManagedKey(key);
  const next = new Map(Object.entries(entities));
  const renew = (who: keyof OrganisationKeys, url?: string): void => {
    const file = keys[who];
    if (file === undefined) return;
    const entity = next.get(file.urn) ?? (who === 'renewer' ? renewerEntity(plan.org) : undefined);
    if (entity === undefined)
      throw new HomeError(
        `${folder}/directory.json does not list ${file.urn}; restore the key files that belong to it`,
      );
    const ready = file.keys.filter(({ kid }) => !leavesOut.has(kid));
    const listed = { ...file, keys: who === 'vault' ? ready.filter(isListed) : ready };
    const records = withNewRecords(entity, listed, plan.keyLife[who], now);
    next.set(file.urn, { ...entity, keys: records, ...(url !== undefined && { url }) });
  };
  renew('vault', urls.vault);
  renew('responder', urls.responder);
  renew('device');
  renew('renewer');
  return Object.fromEntries(next);
}

function validity(life: number, now: number): { issued: string; expires: string } {
  return { issued: timestampOf(now), expires: timestampOf(now + life) };
}

/** Seconds. */
function leftOf({ expires }: { readonly expires: string }, now: number): number {
  return secondsOf(expires) - now;
}
