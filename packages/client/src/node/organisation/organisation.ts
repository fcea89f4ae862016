import type { DirectoryDocument, RootDocument, TrustDocuments } from '@bulla/crypto';
import {
  encodeBase64url,
  parseDirectory,
  parsePolicy,
  parseRoot,
  pinOf,
  randomBytes,
  requireSeconds,
  Trust,
} from '@bulla/crypto';
import type { KeptHashes } from './directory-hashes.js';
import { hashesBefore } from './directory-hashes.js';
import type { DocumentSigner } from './document-key.js';
import { documentKeyName, documentSigner, findDocumentSigners } from './document-key.js';
import type { Home } from '../home/home.js';
import { HomeError } from '../home/home.js';
import type { DocumentKind, OrganisationMaker, OrganisationPlan } from './organisation-documents.js';
import { directoryDocument, policyDocument, rootChain } from './organisation-documents.js';
import { versionName } from './replaced-documents.js';
import type { OrganisationKeys } from './key-names.js';
import { organisationKeys, renewedKeys, withVaultManagedKeys } from './organisation-keys.js';
import type { LoggingService } from './log-keys.js';
import { withLogKeys } from './log-keys.js';
import { readProfile, writeProfile } from '../home/profile.js';
import { suiteForNewKeys } from '../../people/suite-for-new-keys.js';
import { adoptSeenDocuments } from './seen-documents.js';
import { staleFiles, staleLine } from './stale-files.js';
import type { UnlistedKeys } from './unlisted-keys.js';
import { unlistedKeys } from './unlisted-keys.js';

const BOOTSTRAP_SECRET = 'bootstrap.secret';

export interface OrganisationOptions {
  /** Where clients find the services. What the directory says already stays unless one is given. */
  readonly vaultUrl?: string | undefined;
  readonly responderUrl?: string | undefined;
  /** Where hashes of earlier directories are kept beside this folder, for one that a version without them made. */
  readonly keptHashes?: KeptHashes | undefined;
  /** Whether a directory that no renewer calls the newest is signed anew; not unless given. */
  readonly signsStale?: boolean | undefined;
  /** Whether the audit logs of both services begin anew, because their database is another; not unless given. */
  readonly beginsLogs?: boolean | undefined;
  /** The highest number of a log of each service that marks elsewhere, the service or witnesses know. */
  readonly heardLogs?: Readonly<Partial<Record<LoggingService, number>>> | undefined;
  /**
   * Asked, before a directory is signed, about keys that lie here and that it does not list yet.
   * @returns `kid` of those that stay unlisted, since their service does not hold them
   */
  readonly leavesOut?: ((unlisted: readonly UnlistedKeys[]) => Promise<ReadonlySet<string>>) | undefined;
  /** Seconds. */
  readonly now: number;
}

/** What lies in a home folder whose owner signs for a whole organisation. */
export interface OwnOrganisation {
  readonly org: string;
  readonly pin: string;
  readonly documents: TrustDocuments;
  /** An older version of a document, for a vault that has not seen every version in between. */
  readonly earlier: (kind: 'policy' | 'directory', version: number) => Promise<string | undefined>;
  /** Hashes of all directories before the newest, for a vault that has none of them. */
  readonly hashes: () => Promise<readonly string[]>;
  /** What `PUT /organisations/{org}` is authorised with, once. */
  readonly bootstrapSecret: string;
  /** One line for each thing that was made or renewed; empty if nothing changed. */
  readonly changes: readonly string[];
  /** One line for each file that was left alone, because its holder has newer keys than it knows. */
  readonly stale: readonly string[];
}

/**
 * Makes an organisation all of whose keys lie in this folder, finishes what an interrupted run began, and renews what
 * is due. A development organisation that has no renewer here gets one. Every file is written once and whole, in an order in which none needs a later one.
 * A document whose key was taken out of the folder is not renewed.
 * @throws {HomeError} if a file is there and cannot be used
 */
export async function prepareOrganisation(
  home: Home,
  plan: OrganisationPlan,
  options: OrganisationOptions,
): Promise<OwnOrganisation> {
  const { org } = plan;
  const { now } = options;
  requireSeconds(now);
  await requireUnclaimed(home, org);
  await adoptSeenDocuments(home, org);
  const changes: string[] = [];
  const folder = `org/${org}`;
  const stored = await home.read(`${folder}/directory.json`);
  const listed = stored === undefined ? undefined : (await parseDirectory(stored)).payload;
  const known = listed?.entities;
  const urls = {
    vault: options.vaultUrl ?? urlOf(known, 'vault'),
    responder: options.responderUrl ?? urlOf(known, 'responder'),
  };
  const signers = await documentSigners(home, folder, plan);
  const revoked = new Set(listed?.revoked.map(({ kid }) => kid));
  const countingOf = (urn: string) => (known?.[urn]?.keys ?? []).filter(({ kid }) => !revoked.has(kid));
  const made = await organisationKeys(home, plan, {
    areListed: known !== undefined,
    addsRenewer: plan.profile === 'development' && signers.directory !== undefined,
  });
  // guard: renew-stale without: const stale = staleFiles(made, () => [], now);
  const stale = staleFiles(made, countingOf, now);
  const isStale = (urn: string) => stale.some(({ file }) => file.urn === urn);
  // Of whom a stale file is here nothing is due, and nothing is made.
  const recordsOf = (urn: string) => (isStale(urn) ? [] : countingOf(urn));
  const decided = await home.read(`${folder}/policy.json`);
  const chosen = decided === undefined ? undefined : suiteForNewKeys((await parsePolicy(decided)).payload);
  // A key that the directory cannot list is not made.
  const whole = signers.directory === undefined ? made : await withLaterKeys(made);
  async function withLaterKeys(before: OrganisationKeys): Promise<OrganisationKeys> {
    const records = known && recordsOf;
    const beginsLogs = options.beginsLogs === true;
    const everListed = (urn: string) => known?.[urn]?.keys ?? [];
    const logging = await withLogKeys(home, before, records, {
      now,
      changes,
      beginsLogs,
      everListed,
      heard: options.heardLogs ?? {},
    });
    return withVaultManagedKeys(home, logging, records, { suite: chosen ?? plan.suite, changes });
  }
  const keys = await renewedKeys(home, whole, recordsOf, { ...plan, now, chosen, changes });
  const notHeld = await notHeldOf(options, unlistedKeys(keys, known, isStale));
  const maker: OrganisationMaker = {
    home,
    plan,
    folder,
    now,
    urls,
    changes,
    signers,
    keys,
    signsStale: options.signsStale === true,
    leavesOut: new Set([...notHeld, ...stale.flatMap(({ file }) => file.keys.map(({ kid }) => kid))]),
    hashes: options.keptHashes,
  };
  const bootstrapSecret = (await home.readSecret(BOOTSTRAP_SECRET)) ?? (await makeBootstrapSecret(home));
  const roots = await rootChain(maker);
  const policy = await policyDocument(maker, roots.length);
  const directory = await directoryDocument(maker, roots, policy);
  const documents = { roots, policy, directory };
  const pin = pinOf(await parseRoot(roots[0] ?? ''));
  // What we wrote must stand up to what everybody else will check; that it is the newest, a renewer says next.
  const { directoryRef } = await Trust.establish(documents, { org, pin, now, acceptStale: true });
  await updateProfile(maker, pin, options.vaultUrl !== undefined);
  const earlier = (kind: 'policy' | 'directory', version: number) => home.read(versionName(folder, kind, version));
  const hashes = () => hashesBefore(home, org, directoryRef.ver, options.keptHashes);
  const lines = stale.map((one) => staleLine(home, one));
  return { org, pin, documents, earlier, hashes, bootstrapSecret, changes, stale: lines };
}

async function notHeldOf(
  { leavesOut }: OrganisationOptions,
  unlisted: readonly UnlistedKeys[],
): Promise<ReadonlySet<string>> {
  return leavesOut === undefined || unlisted.length === 0 ? new Set() : leavesOut(unlisted);
}

/**
 * The keys that sign documents: made before there is a root, which names them; from then on those of the newest root that
 * are here, where they are enough.
 */
async function documentSigners(
  home: Home,
  folder: string,
  { owners }: OrganisationPlan,
): Promise<OrganisationMaker['signers']> {
  const root = await newestRootOf(home, folder);
  const signersOf = async (kind: DocumentKind) => {
    if (root === undefined) {
      const count = kind === 'directory' ? 1 : (owners?.count ?? 1);
      const made: DocumentSigner[] = [];
      for (let number = 1; number <= count; number++)
        made.push(await documentSigner(home, documentKeyName(folder, kind, number)));
      return made;
    }
    const { kids, threshold } = root.roles[kind];
    const found = await findDocumentSigners(home, folder, kind);
    // guard: home-listed-signers without: const listed = found;
    const listed = found.filter(({ kid }) => kids.includes(kid));
    return listed.length >= threshold ? listed : undefined;
  };
  return { root: await signersOf('root'), policy: await signersOf('policy'), directory: await signersOf('directory') };
}

/** The newest root in a folder; undefined where there is none yet. */
export async function newestRootOf(home: Home, folder: string): Promise<RootDocument | undefined> {
  let newest = await home.read(`${folder}/root.json`);
  for (let version = 2; newest !== undefined; version++) {
    const next = await home.read(`${folder}/root.${version}.json`);
    if (next === undefined) break;
    newest = next;
  }
  return newest === undefined ? undefined : (await parseRoot(newest)).payload;
}

/** Where the directory says that a service is. */
function urlOf(known: DirectoryDocument['entities'] | undefined, kind: 'vault' | 'responder'): string {
  const entity = Object.values(known ?? {}).find((candidate) => candidate.kind === kind);
  if (entity?.kind === kind && entity.url !== undefined) return entity.url;
  throw new HomeError(`nothing says yet where clients find the ${kind}; give its URL`);
}

/** A folder that is set up for another organisation stays as it is. */
async function requireUnclaimed(home: Home, org: string): Promise<void> {
  const profile = await readProfile(home);
  if (profile === undefined || profile.org === org) return;
  throw new HomeError(`${home.folder} is set up for the organisation ${profile.org}; set BULLA_HOME to another folder`);
}

/** Says where the vault is now. */
async function updateProfile({ home, plan, urls }: OrganisationMaker, pin: string, move: boolean): Promise<void> {
  const profile = await readProfile(home);
  const vaultUrl = move ? urls.vault : (profile?.vaultUrl ?? urls.vault);
  if (profile?.vaultUrl !== vaultUrl || profile.pin !== pin) await writeProfile(home, { vaultUrl, org: plan.org, pin });
}

async function makeBootstrapSecret(home: Home): Promise<string> {
  const secret = encodeBase64url(randomBytes(32));
  await home.write(BOOTSTRAP_SECRET, secret);
  return secret;
}
