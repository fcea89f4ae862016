import type { DirectoryDocument } from './organisation/directory.js';
import type { DirectoryHashes } from './organisation/directory-chain.js';
import type { DocumentPayload } from './tokens/document.js';
import { signDocument } from './tokens/document.js';
import type { LabelFreshClaims } from './organisation/freshness.js';
import { signDirectoryFreshness, signLabelFreshness } from './organisation/freshness.js';
import { organisationUrn } from './names/ids.js';
import type { PolicyDocument } from './organisation/policy.js';
import { parsePolicy } from './organisation/policy.js';
import type { RootDocument } from './organisation/root.js';
import { parseRoot, pinOf } from './organisation/root.js';
import type { KeyPair, Signer } from './keys/signer.js';
import type { DocumentRoleName, RootOptions } from './testing/documents.js';
import { DIRECTORY_DAYS, firstDirectory, firstPolicy, lasting, makeRoot, YEAR_DAYS } from './testing/documents.js';
import type { Device, MemberPlace, TestMember, TestRenewer } from './testing/members.js';
import { keyPairOf, makeDevice, makeRenewer, makeService } from './testing/members.js';
import { Trust } from './organisation/trust.js';
import type { TrustDocuments } from './organisation/trust-documents.js';
export { crowdOf } from './testing/crowd.js';
export type { DocumentRoleName, Quorum } from './testing/documents.js';
export type { TiledLog } from './testing/tiled-log.js';
export { makeTiledLog } from './testing/tiled-log.js';
export type { EarlierContent, UnfitPlace } from './testing/unfit.js';
export { sealEarlier, sealUnfit } from './testing/unfit.js';

/** Whole organisations with real keys and signed documents, for tests of every package. Never part of a product. */
export interface OrganisationOptions extends RootOptions {
  /** `acme` unless given. */
  readonly org?: string;
  /** `development` unless given. */
  readonly profile?: RootDocument['profile'];
  /** Seconds; the wall clock unless given. */
  readonly now?: number;
  /** Suite of the keys of entities; `rsa2048` unless given. */
  readonly suite?: MemberPlace['suite'];
  /** Whether root has a recovery key; not unless given. */
  readonly recovery?: boolean;
  /** Members of the first policy that differ from the default. */
  readonly policy?: Partial<PolicyDocument>;
  /** Whether the vault has keys for managed names; not unless given. */
  readonly manages?: boolean;
  /** How many renewers the first directory lists; none unless given. */
  readonly renewers?: number;
}

type Change<Payload> = (draft: Payload) => void;
type RoleSigners = Readonly<Record<DocumentRoleName, readonly Signer[]>>;

/** An organisation and its newest documents; publishing moves it on. Times are in seconds. */
export interface TestOrganisation {
  readonly org: string;
  readonly pin: string;
  /** When it was made. */
  readonly now: number;
  /** The newest. */
  readonly trust: Trust;
  readonly documents: TrustDocuments;
  /** Hashes of all directories up to the newest. */
  readonly hashes: DirectoryHashes;
  readonly signers: RoleSigners;
  readonly vault: TestMember;
  readonly responders: readonly [TestMember, TestMember];
  readonly owner: TestMember;
  readonly author: TestMember;
  readonly invoker: TestMember;
  readonly auditor: TestMember;
  readonly recovery: KeyPair | undefined;
  readonly renewers: readonly TestRenewer[];
  /** A renewer's word that the newest directory is the newest. */
  freshDirectory(now: number, renewer?: TestRenewer): Promise<string>;
  /** A renewer's word that a position is the newest. */
  freshPosition(position: LabelPlace, now: number, renewer?: TestRenewer): Promise<string>;
  /** A further device, of a user of its own; it is not listed until published. */
  makeDevice(slot: string, rights: Pick<Device, 'roles' | 'groups'>): Promise<TestMember>;
  /** A further responder; it is not listed until published. */
  makeResponder(name: string): Promise<TestMember>;
  /** The next directory as a token, not adopted. The draft already has the next version, `prev` and times. */
  signDirectory(change?: Change<DirectoryDocument>, now?: number): Promise<string>;
  /** Signs and adopts the next directory. */
  publish(change?: Change<DirectoryDocument>, now?: number): Promise<Trust>;
  /** Signs and adopts the next policy, and a directory that names it. */
  publishPolicy(change?: Change<PolicyDocument>, now?: number): Promise<Trust>;
  /** The next root with the policy and directory under it, not adopted; its own keys sign unless others are given. */
  signRoot(change?: Change<RootDocument>, now?: number, by?: Partial<RoleSigners>): Promise<TrustDocuments>;
  /** Signs and adopts the next root, and a policy and directory under it, as they were. */
  publishRoot(change?: Change<RootDocument>, now?: number, signers?: readonly Signer[]): Promise<Trust>;
  /** Signs any payload with the keys of a role, right or wrong. */
  sign(role: DocumentRoleName, payload: DocumentPayload): Promise<string>;
}

/** A position of a label of a name. */
type LabelPlace = Pick<LabelFreshClaims, 'name' | 'seq' | 'pos'> & { readonly label: string };

/**
 * An organisation with one vault, two responders (`eu1`, `eu2`) and four devices of four users: `owner` (also author
 * and invoker), `author`, `invoker`, `auditor`. `grp:authors` and `grp:release` hold owner and author, `grp:support`
 * owner and invoker. The policy: everything sealed, `grp:authors` write, `grp:release` moves `production`, no chats.
 * Keys are made once per process, organisation and suite.
 */
export async function makeOrganisation(options: OrganisationOptions = {}): Promise<TestOrganisation> {
  const { org = 'acme', profile = 'development', suite = 'rsa2048' } = options;
  const now = options.now ?? Math.floor(Date.now() / 1000);
  const place = { org, suite, now, readyKeyPair: options.readyKeyPair, manages: options.manages };
  const owner = await makeDevice(place, 'owner', {
    roles: ['owner', 'author', 'invoker'],
    groups: ['grp:authors', 'grp:release', 'grp:support'],
  });
  const members = {
    vault: await makeService(place, 'vault'),
    responders: [await makeService(place, 'responder:eu1'), await makeService(place, 'responder:eu2')] as const,
    owner,
    author: await makeDevice(place, 'author', { roles: ['author'], groups: ['grp:authors', 'grp:release'] }),
    invoker: await makeDevice(place, 'invoker', { roles: ['invoker'], groups: ['grp:support'] }),
    auditor: await makeDevice(place, 'auditor', { roles: ['auditor'], groups: [] }),
  };
  const { signers, root } = await makeRoot(options, org, profile, now);
  const renewers: TestRenewer[] = [];
  for (let count = 1; count <= (options.renewers ?? 0); count++)
    renewers.push(await makeRenewer(place, `renewer ${count}`));
  const recovery =
    options.recovery === true ? await keyPairOf(`${org} recovery`, 'rsa3072', 'enc', options.readyKeyPair) : undefined;
  if (recovery?.publicJwk.kty === 'RSA') {
    root.recovery_enc = { kid: recovery.kid, alg: 'RSA-OAEP-256', suite: 'rsa3072', jwk: recovery.publicJwk };
  }
  const rootToken = await signDocument(root, signers.root);
  const policyToken = await signDocument(firstPolicy(org, now, options.policy), signers.policy);
  const directory = firstDirectory(org, now, (await parsePolicy(policyToken)).hash);
  for (const { urn, entity } of [
    members.vault,
    ...members.responders,
    owner,
    members.author,
    members.invoker,
    members.auditor,
    ...renewers,
  ]) {
    directory.entities[urn] = entity;
  }
  const directoryToken = await signDocument(directory, signers.directory);
  const pin = pinOf(await parseRoot(rootToken));
  const first = { roots: [rootToken], policy: policyToken, directory: directoryToken };
  let trust = await Trust.establish(first, { org, pin, now });

  async function adopt(documents: TrustDocuments, at: number): Promise<Trust> {
    trust = await Trust.establish(documents, { org, pin, now: at, previous: trust });
    return trust;
  }
  async function signDirectory(
    change: Change<DirectoryDocument> = unchanged,
    at: number = now,
    by: readonly Signer[] = signers.directory,
  ): Promise<string> {
    const { entities, revoked, kept, withdrawn, ...head } = structuredClone(trust.directory);
    const { hash } = trust.directoryRef;
    const draft: DirectoryDocument = {
      ...head,
      version: head.version + 1,
      root_version: trust.root.version,
      prev: hash,
      chain: await trust.nextChain(),
      ...lasting(at, DIRECTORY_DAYS),
      entities,
      revoked,
      kept,
      withdrawn,
    };
    change(draft);
    return signDocument(draft, by);
  }

  async function signPolicy(
    change: Change<PolicyDocument>,
    at: number,
    rootVersion: number,
    by: RoleSigners = signers,
  ) {
    const draft = structuredClone(trust.policy);
    const next = { version: draft.version + 1, prev: trust.directory.policy.hash, root_version: rootVersion };
    Object.assign(draft, next, lasting(at, YEAR_DAYS));
    change(draft);
    const policy = await signDocument(draft, by.policy);
    const { hash } = await parsePolicy(policy);
    const named = await signDirectory(
      (directoryDraft) => {
        directoryDraft.root_version = rootVersion;
        directoryDraft.policy = { version: draft.version, hash };
      },
      at,
      by.directory,
    );
    return { policy, directory: named };
  }
  async function signRoot(
    change: Change<RootDocument> = unchanged,
    at: number = now,
    by: Partial<RoleSigners> = {},
  ): Promise<TrustDocuments> {
    const draft = structuredClone(trust.root);
    Object.assign(draft, { version: draft.version + 1 }, lasting(at, YEAR_DAYS));
    change(draft);
    const roots = [...trust.documents.roots, await signDocument(draft, by.root ?? signers.root)];
    return { roots, ...(await signPolicy(unchanged, at, draft.version, { ...signers, ...by })) };
  }

  /** What every word of a renewer says. */
  const wordOf = (at: number, { urn }: TestRenewer) => ({
    iss: urn,
    aud: organisationUrn(org),
    dir: trust.directoryRef,
    iat: at,
    exp: at + trust.freshSeconds,
  });
  const firstRenewer = () => {
    const [renewer] = renewers;
    if (renewer === undefined) throw new Error('the organisation has no renewer');
    return renewer;
  };

  return {
    ...members,
    renewers,
    freshDirectory: (at, renewer = firstRenewer()) =>
      signDirectoryFreshness({ ...wordOf(at, renewer), purpose: 'directory.fresh' }, renewer.fresh),
    freshPosition({ name, label, seq, pos }, at, renewer = firstRenewer()) {
      const claims = { ...wordOf(at, renewer), name, tag: label, seq, pos, purpose: 'tag.fresh' } as const;
      return signLabelFreshness(claims, renewer.fresh);
    },
    org,
    pin,
    now,
    signers,
    recovery,
    get trust() {
      return trust;
    },
    get documents() {
      return trust.documents;
    },
    get hashes() {
      return { from: 1, hashes: [...(trust.memory.hashes ?? []), trust.directoryRef.hash] };
    },
    makeDevice: (slot, rights) => makeDevice(place, slot, rights),
    makeResponder: (name) => makeService(place, `responder:${name}`),
    sign: (role, payload) => signDocument(payload, signers[role]),
    signDirectory,
    async publish(change = unchanged, at = now) {
      return adopt({ ...trust.documents, directory: await signDirectory(change, at) }, at);
    },
    async publishPolicy(change = unchanged, at = now) {
      return adopt({ ...trust.documents, ...(await signPolicy(change, at, trust.root.version)) }, at);
    },
    signRoot,
    async publishRoot(change = unchanged, at = now, by = signers.root) {
      return adopt(await signRoot(change, at, { root: by }), at);
    },
  };
}

function unchanged(): void {}
