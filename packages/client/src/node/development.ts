import type {
  DirectoryDocument,
  KeyFile,
  PolicyDocument,
  RootDocument,
  Signer,
  SuiteId,
  TrustDocuments,
} from '@bulla/crypto';
import {
  encodeBase64url,
  mintId,
  parseDirectory,
  parsePolicy,
  parseRoot,
  pinOf,
  randomBytes,
  secondsOf,
  signDocument,
  timestampOf,
  Trust,
  urnOf,
} from '@bulla/crypto';
import type { DevelopmentKeys } from './development-keys.js';
import { developmentKeys, renewedKeys, withNewRecords } from './development-keys.js';
import { documentSigner } from './document-key.js';
import type { Home } from './home.js';
import { HomeError } from './home.js';
import type { Profile } from './profile.js';
import { readProfile, writeProfile } from './profile.js';

/** The development organisation: one person, every key in one folder. Clients refuse it off this machine. */
export const DEVELOPMENT_ORG = 'dev';
const FOLDER = `org/${DEVELOPMENT_ORG}`;
const DIRECTORY = `${FOLDER}/directory.json`;
const BOOTSTRAP_SECRET = 'bootstrap.secret';

const DAY = 86_400;
const YEAR = 365 * DAY;
const LIFE = { root: YEAR, policy: YEAR, directory: 90 * DAY } as const;

export interface DevelopmentOptions {
  readonly vaultUrl: string;
  readonly responderUrl: string;
  /** Seconds. */
  readonly now: number;
  /** Suite of the keys of services and device; `rsa2048` unless given. */
  readonly suite?: SuiteId;
}

export interface DevelopmentOrganisation {
  readonly pin: string;
  readonly documents: TrustDocuments;
  /** An older version of a document, for a vault that has not seen every version in between. */
  readonly earlier: (kind: 'policy' | 'directory', version: number) => Promise<string | undefined>;
  /** What `PUT /organisations/dev` is authorised with, once. */
  readonly bootstrapSecret: string;
  /** One line for each thing that was made or renewed; empty if nothing changed. */
  readonly changes: readonly string[];
}

interface Maker extends DevelopmentOptions {
  readonly home: Home;
  readonly signers: Readonly<
    Record<'root' | 'policy' | 'directory', Signer & { readonly publicJwk: RootDocument['keys'][string]['jwk'] }>
  >;
  readonly keys: DevelopmentKeys;
  readonly changes: string[];
}

/**
 * Makes the development organisation, finishes what an interrupted run began, and renews what has a third of its
 * life left. Every file is written once and whole, in an order in which none needs a later one.
 * @throws {HomeError} if a file is there and cannot be used
 */
export async function prepareDevelopment(home: Home, options: DevelopmentOptions): Promise<DevelopmentOrganisation> {
  const { now, suite = 'rsa2048' } = options;
  await requireUnclaimed(home);
  const changes: string[] = [];
  const signers = {
    root: await documentSigner(home, `${FOLDER}/root.key`),
    policy: await documentSigner(home, `${FOLDER}/policy.key`),
    directory: await documentSigner(home, `${FOLDER}/directory.key`),
  };
  const stored = await home.read(DIRECTORY);
  const known = stored === undefined ? undefined : (await parseDirectory(stored)).payload;
  const recordsOf = (urn: string) => known?.entities[urn]?.keys ?? [];
  const keys = await renewedKeys(home, await developmentKeys(home, DEVELOPMENT_ORG, suite), recordsOf, {
    now,
    suite,
    changes,
  });
  const maker: Maker = { ...options, home, changes, signers, keys };
  const bootstrapSecret = (await home.readSecret(BOOTSTRAP_SECRET)) ?? (await makeBootstrapSecret(home));
  const roots = await rootChain(maker);
  const policy = await policyDocument(maker, roots.length);
  const directory = await directoryDocument(maker, roots.length, policy);
  const documents = { roots, policy, directory };
  const pin = pinOf(await parseRoot(roots[0] ?? ''));
  // What we wrote must stand up to what everybody else will check.
  await Trust.establish(documents, { org: DEVELOPMENT_ORG, pin, now: options.now });
  await updateProfile(home, { vaultUrl: options.vaultUrl, org: DEVELOPMENT_ORG, pin });
  const earlier = (kind: 'policy' | 'directory', version: number) => home.read(versionName(kind, version));
  return { pin, documents, earlier, bootstrapSecret, changes: maker.changes };
}

/** A folder that is set up for another organisation stays as it is. */
async function requireUnclaimed(home: Home): Promise<void> {
  const profile = await readProfile(home);
  if (profile === undefined || profile.org === DEVELOPMENT_ORG) return;
  throw new HomeError(`${home.folder} is set up for the organisation ${profile.org}; set BULLA_HOME to another folder`);
}

/** Says where the vault is now. */
async function updateProfile(home: Home, wanted: Profile): Promise<void> {
  const profile = await readProfile(home);
  if (profile?.vaultUrl !== wanted.vaultUrl || profile.pin !== wanted.pin) await writeProfile(home, wanted);
}

function versionName(kind: 'policy' | 'directory', version: number): string {
  return `${FOLDER}/${kind}.${version}.json`;
}

async function makeBootstrapSecret(home: Home): Promise<string> {
  const secret = encodeBase64url(randomBytes(32));
  await home.write(BOOTSTRAP_SECRET, secret);
  return secret;
}

/** Root versions from the first on, with a new one where the newest is due. */
async function rootChain({ home, now, signers, changes }: Maker): Promise<string[]> {
  const chain: string[] = [];
  for (;;) {
    const name = chain.length === 0 ? `${FOLDER}/root.json` : `${FOLDER}/root.${chain.length + 1}.json`;
    const stored = await home.read(name);
    if (stored !== undefined) {
      chain.push(stored);
      continue;
    }
    const newest = chain.at(-1);
    if (newest !== undefined && !isDue((await parseRoot(newest)).payload, LIFE.root, now)) return chain;
    const role = (of: keyof typeof signers) => ({ kids: [signers[of].kid], threshold: 1 });
    const root: RootDocument = {
      _type: 'bulla-root',
      spec: '1',
      org: DEVELOPMENT_ORG,
      profile: 'development',
      version: chain.length + 1,
      ...validity(LIFE.root, now),
      keys: Object.fromEntries(Object.values(signers).map(({ kid, alg, publicJwk }) => [kid, { jwk: publicJwk, alg }])),
      roles: { root: role('root'), policy: role('policy'), directory: role('directory') },
    };
    await home.write(name, await signDocument(root, [signers.root]));
    changes.push(`root version ${root.version} signed for a year`);
  }
}

async function policyDocument({ home, now, signers, changes }: Maker, rootVersion: number): Promise<string> {
  const name = `${FOLDER}/policy.json`;
  const stored = await home.read(name);
  const current = stored === undefined ? undefined : await parsePolicy(stored);
  if (stored !== undefined && current !== undefined && !isDue(current.payload, LIFE.policy, now)) return stored;
  const policy: PolicyDocument = {
    _type: 'bulla-policy',
    spec: '1',
    org: DEVELOPMENT_ORG,
    version: (current?.payload.version ?? 0) + 1,
    root_version: rootVersion,
    ...(current && { prev: current.hash }),
    ...validity(LIFE.policy, now),
    suites: ['rsa2048', 'rsa3072'],
    custody: { '*': 'sealed' },
    authors: { '*': ['grp:authors'] },
    labels: {},
    chat: [],
    auth: { bearer: false, oidc: 'off' },
    max_skew: 60,
  };
  const token = await signDocument(policy, [signers.policy]);
  if (stored !== undefined) await home.write(versionName('policy', policy.version - 1), stored);
  await home.write(name, token);
  changes.push(`policy version ${policy.version} signed for a year`);
  return token;
}

async function directoryDocument(maker: Maker, rootVersion: number, policy: string): Promise<string> {
  const { home, now, signers, changes } = maker;
  const stored = await home.read(DIRECTORY);
  const current = stored === undefined ? undefined : await parseDirectory(stored);
  const { payload, hash } = await parsePolicy(policy);
  const entities = entitiesOf(maker, current?.payload.entities ?? firstEntities(maker));
  const same =
    current?.payload.policy.hash === hash && JSON.stringify(entities) === JSON.stringify(current.payload.entities);
  if (stored !== undefined && current !== undefined && same && !isDue(current.payload, LIFE.directory, now))
    return stored;
  const directory: DirectoryDocument = {
    _type: 'bulla-directory',
    spec: '1',
    org: DEVELOPMENT_ORG,
    version: (current?.payload.version ?? 0) + 1,
    root_version: rootVersion,
    ...(current && { prev: current.hash }),
    policy: { version: payload.version, hash },
    ...validity(LIFE.directory, now),
    entities,
    revoked: current?.payload.revoked ?? [],
    kept: current?.payload.kept ?? [],
    withdrawn: current?.payload.withdrawn ?? [],
  };
  const token = await signDocument(directory, [signers.directory]);
  if (stored !== undefined) await home.write(versionName('directory', directory.version - 1), stored);
  await home.write(DIRECTORY, token);
  changes.push(`directory version ${directory.version} signed for 90 days`);
  return token;
}

function firstEntities({ keys, vaultUrl, responderUrl }: Maker): DirectoryDocument['entities'] {
  return {
    [keys.vault.urn]: { kind: 'vault', url: vaultUrl, roles: ['service'], keys: [] },
    [keys.responder.urn]: { kind: 'responder', url: responderUrl, roles: ['service'], keys: [] },
    [keys.device.urn]: {
      kind: 'device',
      user: urnOf(DEVELOPMENT_ORG, 'user', mintId('usr')),
      roles: ['owner', 'author', 'invoker'],
      groups: ['grp:authors', 'grp:members'],
      keys: [],
    },
  };
}

/** The entities with the services where they are now (a port may have changed since the last start), and every key. */
function entitiesOf(
  { keys, now, vaultUrl, responderUrl }: Maker,
  entities: DirectoryDocument['entities'],
): DirectoryDocument['entities'] {
  const next = new Map(Object.entries(entities));
  const renew = (file: KeyFile, url?: string): void => {
    const entity = next.get(file.urn);
    if (entity === undefined)
      throw new HomeError(
        `${FOLDER}/directory.json does not list ${file.urn}; restore the key files that belong to it`,
      );
    const renewed = { ...entity, keys: withNewRecords(entity, file, now), ...(url !== undefined && { url }) };
    next.set(file.urn, renewed);
  };
  renew(keys.vault, vaultUrl);
  renew(keys.responder, responderUrl);
  renew(keys.device);
  return Object.fromEntries(next);
}

function validity(life: number, now: number): { issued: string; expires: string } {
  return { issued: timestampOf(now), expires: timestampOf(now + life) };
}

/** Whether a third of its life or less is left. */
function isDue(document: { readonly expires: string }, life: number, now: number): boolean {
  return secondsOf(document.expires) - now <= life / 3;
}
