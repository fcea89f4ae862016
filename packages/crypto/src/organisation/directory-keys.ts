import type { DirectoryDocument, DirectoryEntity, EntityKind, Role } from './directory.js';
import { CryptoError } from '../names/errors.js';
import type { KeyPurpose, KeyRecord, KeyUsage } from '../keys/keys.js';
import { isCheckpointKey, isUsable, keyState } from '../keys/keys.js';
import type { PolicyDocument } from './policy.js';
import { requireSeconds } from '../names/seconds.js';

/** Whom something can be encrypted to. */
export interface Recipient {
  readonly urn: string;
  readonly record: KeyRecord;
}

/** A key with the entity that holds it. */
export interface KeyHolder extends Recipient {
  readonly entity: DirectoryEntity;
}

export interface KeyDemand {
  readonly usage: KeyUsage;
  readonly purpose: KeyPurpose;
  /** Seconds. */
  readonly now: number;
  /** Names the check in the error. */
  readonly check: string;
}

/** Who is listed in a directory, with which keys: the only way from a `kid` to a key (protocol.md §4). */
export class DirectoryKeys {
  readonly #suites: readonly string[];
  readonly #entities: ReadonlyMap<string, DirectoryEntity>;
  readonly #holders: ReadonlyMap<string, KeyHolder>;
  readonly #revoked: ReadonlySet<string>;

  constructor(directory: DirectoryDocument, { suites }: PolicyDocument) {
    this.#suites = suites;
    this.#entities = new Map(Object.entries(directory.entities));
    this.#holders = new Map(
      [...this.#entities].flatMap(([urn, entity]) =>
        entity.keys.map((record) => [record.kid, Object.freeze({ urn, entity, record })]),
      ),
    );
    this.#revoked = new Set(directory.revoked.map(({ kid }) => kid));
  }

  entity(urn: string): DirectoryEntity | undefined {
    return this.#entities.get(urn);
  }

  /** URNs of the entities of a kind. */
  entitiesOf(kind: EntityKind): string[] {
    return [...this.#entities].flatMap(([urn, entity]) => (entity.kind === kind ? [urn] : []));
  }

  /** Whether an entity holds a role; an owner is an admin too. */
  hasRole(urn: string, role: Role): boolean {
    const roles: readonly Role[] = this.#entities.get(urn)?.roles ?? [];
    return roles.includes(role) || (role === 'admin' && roles.includes('owner'));
  }

  groupsOf(urn: string): readonly string[] {
    const entity = this.#entities.get(urn);
    return entity !== undefined && 'groups' in entity ? (entity.groups ?? []) : [];
  }

  /** URN of the person a device belongs to. */
  userOf(urn: string): string | undefined {
    const entity = this.#entities.get(urn);
    return entity?.kind === 'device' ? entity.user : undefined;
  }

  /** The key of this `kid`, whatever its state. */
  holder(kid: string): KeyHolder | undefined {
    return this.#holders.get(kid);
  }

  /** The key of an HTTP `keyid`, `<urn>#<kid>`, matched whole: a bare thumbprint could be claimed by another organisation. */
  holderOfKeyid(keyid: string): KeyHolder | undefined {
    const holder = this.#holders.get(keyid.slice(keyid.indexOf('#') + 1));
    // guard: keyid-whole without: return holder;
    return holder !== undefined && `${holder.urn}#${holder.record.kid}` === keyid ? holder : undefined;
  }

  isRevoked(kid: string): boolean {
    return this.#revoked.has(kid);
  }

  /**
   * The key of this `kid`, if it may be used for this now.
   * @throws {CryptoError} key_unknown if it is not listed, or not for this purpose; key_revoked if it is revoked,
   *   past its time or not yet valid; suite_unknown if the policy does not allow its suite
   */
  requireKey(kid: string, { usage, purpose, now, check }: KeyDemand): KeyHolder {
    requireSeconds(now);
    const holder = this.#holders.get(kid);
    // guard: key-purpose without: if (holder === undefined)
    if (!holder?.record.pur.includes(purpose))
      throw new CryptoError('key_unknown', `no key for this purpose (${purpose}) is listed`, { check });
    // guard: key-usable
    if (!isUsable(holder.record, usage, this.isRevoked(kid), now))
      throw new CryptoError('key_revoked', 'the key is revoked or out of its time', { check });
    // guard: key-suite
    if (!this.#allows(holder.record))
      throw new CryptoError('suite_unknown', 'the policy does not allow the suite of the key', { check });
    return holder;
  }

  /** Keys of an entity that sign or are encrypted to now; the newest first. */
  activeKeys(urn: string, purpose: KeyPurpose, now: number): KeyHolder[] {
    requireSeconds(now);
    return (this.#entities.get(urn)?.keys ?? [])
      .filter(
        (record) =>
          record.pur.includes(purpose) && // guard: active-purpose
          this.#allows(record) &&
          keyState(record, this.isRevoked(record.kid), now) === 'active', // guard: active-key without: true
      )
      .toSorted((left, right) => right.nbf - left.nbf)
      .flatMap(({ kid }) => this.#holders.get(kid) ?? []);
  }

  /** Checkpoints have one suite, which a policy neither lists nor takes away (docs/spec/directory.md#checkpoints). */
  #allows(record: KeyRecord): boolean {
    return (
      isCheckpointKey(record) || // guard: checkpoint-any-policy
      this.#suites.includes(record.suite)
    );
  }
}
