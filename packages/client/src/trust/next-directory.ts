import type { DirectoryDocument, DirectoryEntity, KeyPurpose, KeyRecord, Trust } from '@bulla/crypto';
import type { PublicKey } from '@bulla/crypto/key-files';
import { isCheckpointKey, secondsOf, timestampOf } from '@bulla/crypto';
import { bullaError, checked } from '../connection/errors.js';
import type { ServiceKind } from './services.js';
import { serviceKindOf } from './services.js';

/**
 * The next directory as a function of the newest that is trusted (protocol.md §4). Changes only ever add to what must
 * not be forgotten: no revocation, no withdrawal and no kept content that was seen is ever left out.
 */
export type DirectoryChange = (draft: DirectoryDocument, now: number) => void;

/** What an approver lets a device be. */
export interface Admission {
  readonly urn: string;
  /** URN of the person. */
  readonly user: string;
  readonly roles: Device['roles'];
  readonly groups: readonly string[];
  /** Its two keys as it brought them, the one that signs its requests first. */
  readonly keys: readonly [BroughtKey, BroughtKey];
}

type BroughtKey = Pick<KeyRecord, 'kid' | 'use' | 'alg' | 'suite' | 'jwk'> & { readonly log?: undefined };

export type RevocationReason = DirectoryDocument['revoked'][number]['reason'];
type Device = Extract<DirectoryEntity, { kind: 'device' }>;

const YEAR = 365 * 86_400;
/** Device keys sign and are encrypted to for a year; what they signed or can open stays good for twelve. */
const DEVICE_LIFE = { use: YEAR, end: 12 * YEAR } as const;
/** A key for the checkpoints of one log ends with it: the next begins every two years at the latest. */
export const LOG_KEY_LIFE = { use: 2 * YEAR, end: 12 * YEAR } as const;
/** A clock slightly behind should not see keys from the future. */
const BACKDATE_SECONDS = 60;

/** Which keys a device brings: the first signs its requests, the second is what else it is there for. */
export interface KeyKind {
  readonly use: 'sig' | 'enc';
  readonly pur: readonly KeyPurpose[];
}

/** A person's device signs with one key and is sealed to with the other. */
export const DEVICE_KEY_KINDS: readonly [KeyKind, KeyKind] = [
  { use: 'sig', pur: ['http', 'invoke', 'content', 'tag'] },
  { use: 'enc', pur: ['unwrap'] },
];
/** A renewer's keys can do nothing else, and the one that says what is the newest signs no request. */
export const RENEWER_KEY_KINDS: readonly [KeyKind, KeyKind] = [
  { use: 'sig', pur: ['http'] },
  { use: 'sig', pur: ['fresh'] },
];

/** Whether roles are those of a renewer, which has no other. */
export function areRenewers(roles: readonly string[]): boolean {
  return roles.includes('renewer');
}

/**
 * The directory after a trusted one: one version on, linked to it, as long-lived as it was, and with a change.
 * @param now seconds
 * @throws {TrustError} trust_expired if the trusted one was made by an earlier version and has no chain to go on
 */
export async function nextDirectory(trust: Trust, now: number, change: DirectoryChange): Promise<DirectoryDocument> {
  const { entities, revoked, kept, withdrawn, ...before } = structuredClone(trust.directory);
  const { hash } = trust.directoryRef;
  const life = secondsOf(before.expires) - secondsOf(before.issued);
  const draft: DirectoryDocument = {
    _type: before._type,
    spec: '2',
    org: before.org,
    version: before.version + 1,
    root_version: trust.root.version,
    prev: hash,
    chain: await checked(() => trust.nextChain()),
    policy: before.policy,
    issued: timestampOf(now),
    expires: timestampOf(now + life),
    entities,
    revoked,
    kept,
    withdrawn,
  };
  change(draft, now);
  return draft;
}

/** Lists a new device with exactly its two keys. */
export function addDevice({ urn, user, roles, groups, keys }: Admission): DirectoryChange {
  return (draft, now) => {
    if (Object.hasOwn(draft.entities, urn)) throw refused(`${urn} is listed already`);
    const [first, second] = areRenewers(roles) ? RENEWER_KEY_KINDS : DEVICE_KEY_KINDS;
    const records = [
      recordOf({ ...keys[0], pur: [...first.pur] }, now, DEVICE_LIFE),
      recordOf({ ...keys[1], pur: [...second.pur] }, now, DEVICE_LIFE),
    ];
    draft.entities[urn] = { kind: 'device', user, roles: [...roles], groups: [...groups], keys: records };
  };
}

/**
 * Revokes every key of a device. Its record stays: contents in `kept` are verified by it.
 * @param kept `chash` of what it wrote and the organisation still trusts.
 */
export function revokeDevice(urn: string, reason: RevocationReason, kept: readonly string[]): DirectoryChange {
  return (draft, now) => {
    const { keys } = deviceOf(draft, urn);
    revoke(draft, keys, reason, now);
    draft.kept = [...new Set([...draft.kept, ...kept])];
  };
}

/** Gives a device new keys; those it had sign no more, and still verify and open what is there. */
export function renewDeviceKeys(urn: string, keys: readonly PublicKey[]): DirectoryChange {
  return (draft, now) => {
    const entity = deviceOf(draft, urn);
    deactivate(entity.keys, now);
    entity.keys = [...keys.map((key) => recordOf(key, now, DEVICE_LIFE)), ...entity.keys];
  };
}

/**
 * Lets a device in again as an owner: who stole the key of the directory may have revoked it, taken its role or taken it out.
 * What was revoked stays so.
 * @param user URN of the person, where the directory lists the device no more.
 * @param keys new ones; none where the device has keys that count.
 */
export function readmitOwner(urn: string, user: string, keys: readonly PublicKey[]): DirectoryChange {
  return (draft, now) => {
    const isListed = Object.hasOwn(draft.entities, urn);
    const device: Device = isListed
      ? deviceOf(draft, urn)
      : { kind: 'device', user, roles: ['owner'], groups: [], keys: [] };
    if (keys.length > 0) deactivate(device.keys, now);
    const others = device.roles.filter((role) => role !== 'owner' && role !== 'renewer');
    draft.entities[urn] = {
      ...device,
      roles: ['owner', ...others],
      keys: [...keys.map((key) => recordOf(key, now, DEVICE_LIFE)), ...device.keys],
    };
  };
}

/** What replaces the keys of a service. */
export interface ServiceKeyChange {
  /** Keys that the directory does not list. */
  readonly added: readonly PublicKey[];
  /** All keys that the service states; those it has no more end. */
  readonly stated: readonly PublicKey[];
  readonly compromised: boolean;
}

/**
 * Gives a service the keys of its new file, each for as long as those that it follows. The old ones of a responder then
 * only verify and open. Those of a vault or renewer, and old keys for checkpoints, sign until their own end: the service
 * signs with them until it has the new file. Where the old ones are compromised, none of them counts any more.
 */
export function replaceServiceKeys(
  urn: string,
  kind: ServiceKind,
  { added, stated, compromised }: ServiceKeyChange,
): DirectoryChange {
  return (draft, now) => {
    const entity = serviceOf(draft, urn, kind);
    const listed = new Set(entity.keys.map(({ kid }) => kid));
    const old = entity.keys.filter(({ kid }) => !stated.some((key) => key.kid === kid));
    // Somebody else may have listed them meanwhile.
    const fresh = added.filter(({ kid }) => !listed.has(kid));
    const records = fresh.map((key) =>
      recordOf(key, now, key.log === undefined ? lifeOf(followedBy(key, entity.keys)) : LOG_KEY_LIFE),
    );
    if (compromised) revoke(draft, old, 'keyCompromise', now);
    else if (kind === 'responder' && !added.every(isCheckpointKey))
      deactivate(
        old.filter((key) => !isCheckpointKey(key)),
        now,
      );
    entity.keys = [...records, ...entity.keys];
  };
}

/** Has keys of a service only verify and open from now on. */
export function retireKeys(urn: string, kind: ServiceKind, kids: readonly string[]): DirectoryChange {
  return (draft, now) => {
    const { keys } = serviceOf(draft, urn, kind);
    deactivate(
      keys.filter(({ kid }) => kids.includes(kid)),
      now,
    );
  };
}

/** The first key for checkpoints, and the first that deposits are sealed to, live as long as the other that signs. */
function followedBy(key: PublicKey, listed: readonly KeyRecord[]): KeyRecord | undefined {
  const use = key.pur.includes('deposit') && !listed.some(({ pur }) => pur.includes('deposit')) ? 'sig' : key.use;
  const ofUse = listed.filter((one) => one.use === use);
  return ofUse.find((one) => isCheckpointKey(one) === isCheckpointKey(key)) ?? ofUse[0];
}

function recordOf(
  key: PublicKey,
  now: number,
  { use, end }: { readonly use: number; readonly end: number },
): KeyRecord {
  const nbf = now - BACKDATE_SECONDS;
  const { kid, use: of, alg, suite, pur, log, jwk } = key;
  const ofLog = log === undefined ? {} : { log };
  return { kid, use: of, alg, suite, pur: [...pur], ...ofLog, nbf, use_until: nbf + use, end: nbf + end, jwk };
}

function lifeOf(before: KeyRecord | undefined): { use: number; end: number } {
  if (before === undefined) throw refused('it had no key of this use before');
  return { use: before.use_until - before.nbf, end: before.end - before.nbf };
}

function deactivate(keys: readonly KeyRecord[], now: number): void {
  for (const key of keys) key.use_until = Math.max(key.nbf, Math.min(key.use_until, now));
}

function revoke(draft: DirectoryDocument, keys: readonly KeyRecord[], reason: RevocationReason, now: number): void {
  const revoked = new Set(draft.revoked.map(({ kid }) => kid));
  const added = keys.filter(({ kid }) => !revoked.has(kid)).map(({ kid }) => ({ kid, reason, at: now }));
  if (added.length === 0) throw refused('all its keys are revoked already');
  draft.revoked = [...draft.revoked, ...added];
}

function deviceOf(draft: DirectoryDocument, urn: string): Device {
  const entity = Object.hasOwn(draft.entities, urn) ? draft.entities[urn] : undefined;
  if (entity?.kind !== 'device') throw refused(`the directory lists no device ${urn}`);
  return entity;
}

function serviceOf(draft: DirectoryDocument, urn: string, kind: ServiceKind): DirectoryEntity {
  const entity = Object.hasOwn(draft.entities, urn) ? draft.entities[urn] : undefined;
  if (entity === undefined || serviceKindOf(entity) !== kind) throw refused(`the directory lists no ${kind} ${urn}`);
  return entity;
}

function refused(message: string) {
  return bullaError('validation_failed', { message, origin: 'client' });
}
