import type { DirectoryDocument } from '../organisation/directory.js';
import { FIRST_CHAIN } from '../organisation/directory.js';
import { timestampOf } from '../tokens/document-times.js';
import type { PolicyDocument } from '../organisation/policy.js';
import type { RootDocument } from '../organisation/root.js';
import { loadSigner } from '../keys/signer.js';
import type { SignAlg } from '../keys/suites.js';
import type { ReadyKeyPair } from './members.js';
import { keyPairOf } from './members.js';

/** The first root, policy and directory of an organisation, for tests. */
export interface RootOptions {
  /** Suite of the keys that sign documents; `ed25519` unless given. */
  readonly documentSuite?: 'rsa3072' | 'ed25519';
  /** How many keys each role has and how many must sign; one of one unless given. */
  readonly quorums?: Partial<Record<DocumentRoleName, Quorum>>;
  /** Keys that were made before, for those who make many organisations; fresh ones unless given. */
  readonly readyKeyPair?: ReadyKeyPair;
}

export interface Quorum {
  readonly keys: number;
  readonly threshold: number;
}

export type DocumentRoleName = 'root' | 'policy' | 'directory';

export const YEAR_DAYS = 365;
export const DIRECTORY_DAYS = 90;
const DAY_SECONDS = 86_400;
const ONE_OF_ONE: Quorum = { keys: 1, threshold: 1 };

/** Keys of the three roles, as many as asked for, and a first root that lists them. */
export async function makeRoot(options: RootOptions, org: string, profile: RootDocument['profile'], now: number) {
  const keys: RootDocument['keys'] = {};
  const makeRole = async (role: DocumentRoleName) => {
    const { keys: count, threshold } = options.quorums?.[role] ?? ONE_OF_ONE;
    const slots = Array.from({ length: count }, (_, index) => `${org} ${role} ${index}`);
    const pairs = await Promise.all(
      slots.map((slot) => keyPairOf(slot, options.documentSuite ?? 'ed25519', 'sig', options.readyKeyPair)),
    );
    for (const { kid, publicJwk, alg } of pairs) keys[kid] = { jwk: publicJwk, alg: alg as SignAlg };
    const signers = await Promise.all(pairs.map(({ privateJwk, alg }) => loadSigner(privateJwk, alg as SignAlg)));
    return { signers, role: { kids: pairs.map(({ kid }) => kid), threshold } };
  };
  const [byRoot, byPolicy, byDirectory] = [
    await makeRole('root'),
    await makeRole('policy'),
    await makeRole('directory'),
  ];
  const root: RootDocument = {
    _type: 'bulla-root',
    spec: '1',
    org,
    profile,
    version: 1,
    ...lasting(now, YEAR_DAYS),
    keys,
    roles: { root: byRoot.role, policy: byPolicy.role, directory: byDirectory.role },
  };
  return { root, signers: { root: byRoot.signers, policy: byPolicy.signers, directory: byDirectory.signers } };
}

/** Everything sealed, `grp:authors` write, `grp:release` moves `production`, no chats. */
export function firstPolicy(org: string, now: number, changes: Partial<PolicyDocument> = {}): PolicyDocument {
  return {
    _type: 'bulla-policy',
    spec: '2',
    org,
    version: 1,
    root_version: 1,
    ...lasting(now, YEAR_DAYS),
    suites: ['rsa2048', 'rsa3072', 'p256', 'ed25519'],
    custody: { '*': 'sealed' },
    authors: { '*': ['grp:authors'] },
    labels: { production: { groups: ['grp:release'] } },
    chat: [],
    auth: { bearer: false, oidc: 'approve' },
    max_skew: 60,
    ...changes,
  };
}

/** A directory that lists nobody yet. */
export function firstDirectory(org: string, now: number, policyHash: string): DirectoryDocument {
  return {
    _type: 'bulla-directory',
    spec: '2',
    org,
    version: 1,
    root_version: 1,
    chain: FIRST_CHAIN,
    policy: { version: 1, hash: policyHash },
    ...lasting(now, DIRECTORY_DAYS),
    entities: {},
    revoked: [],
    kept: [],
    withdrawn: [],
  };
}

/** Times of a document that is signed now. */
export function lasting(now: number, days: number): { issued: string; expires: string } {
  return { issued: timestampOf(now), expires: timestampOf(now + days * DAY_SECONDS) };
}
