import type { DirectoryDocument, DirectoryEntity, EntityKind, Role } from './directory.js';
import type { DirectoryHashes } from './directory-chain.js';
import { continueChain, nextChain } from './directory-chain.js';
import { secondsOf } from './document-times.js';
import { CryptoError } from './errors.js';
import { recoveryUrn } from './ids.js';
import type { KeyPurpose, KeyRecord, KeyUsage } from './keys.js';
import { isUsable, keyState } from './keys.js';
import type { Custody, LabelRule, PolicyDocument } from './policy.js';
import { authorsOf, custodyOf, labelRuleOf, pendingSeconds, reviewersOf } from './policy.js';
import type { RootDocument } from './root.js';
import type { DocumentExpectation, TrustDocuments, VerifiedDocuments } from './trust-documents.js';
import { verifyDocuments } from './trust-documents.js';
import type { TrustMemory } from './trust-memory.js';
import { checkContinues, remember } from './trust-memory.js';

export interface EstablishOptions extends DocumentExpectation {
  /** What this party trusted before, or what it kept of that. */
  readonly previous?: Trust | TrustMemory | undefined;
  /**
   * Hashes of the directories from that of `previous` on, or from version 1 where there is none, as the vault serves
   * them: needed where this directory is not the next one.
   */
  readonly hashes?: DirectoryHashes | undefined;
  /** For evidence, for opening one's own grants and for rebuilding `previous`: nothing else may use it. */
  readonly acceptExpired?: boolean;
}

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

/**
 * The verified documents of one organisation: the only way from a `kid` to a key, and from a name to what it may
 * do. Immutable; a newer one is established with this one as `previous` (protocol.md §4).
 */
export class Trust {
  readonly org: string;
  readonly pin: string;
  readonly profile: RootDocument['profile'];
  readonly documents: TrustDocuments;
  /** Payload of the newest root. */
  readonly root: RootDocument;
  readonly policy: PolicyDocument;
  readonly directory: DirectoryDocument;
  /** What `I.dir` and `fin.dir` state. */
  readonly directoryRef: { readonly ver: number; readonly hash: string };
  /** Seconds: the least of the three documents. */
  readonly expiresAt: number;
  readonly memory: TrustMemory;
  readonly #entities: ReadonlyMap<string, DirectoryEntity>;
  readonly #holders: ReadonlyMap<string, KeyHolder>;
  readonly #revoked: ReadonlySet<string>;
  readonly #kept: ReadonlySet<string>;
  readonly #withdrawn: ReadonlyMap<string, number>;

  /** Only establish() makes one: the documents are verified. */
  private constructor(verified: VerifiedDocuments, documents: TrustDocuments, pin: string, memory: TrustMemory) {
    const root = verified.root.payload;
    const policy = verified.policy.payload;
    const directory = verified.directory.payload;
    this.org = root.org;
    this.pin = pin;
    this.profile = root.profile;
    const { roots, policy: policyToken, directory: directoryToken } = documents;
    this.documents = Object.freeze({
      roots: Object.freeze([...roots]),
      policy: policyToken,
      directory: directoryToken,
    });
    this.root = root;
    this.policy = policy;
    this.directory = directory;
    this.directoryRef = Object.freeze({ ver: directory.version, hash: verified.directory.hash });
    this.expiresAt = Math.min(...[root, policy, directory].map(({ expires }) => secondsOf(expires)));
    this.memory = memory;
    this.#entities = new Map(Object.entries(directory.entities));
    this.#holders = new Map(
      [...this.#entities].flatMap(([urn, entity]) =>
        entity.keys.map((record) => [record.kid, Object.freeze({ urn, entity, record })]),
      ),
    );
    this.#revoked = new Set(directory.revoked.map(({ kid }) => kid));
    this.#kept = new Set(directory.kept);
    this.#withdrawn = new Map(directory.withdrawn.map(({ sub, below }) => [sub, below]));
    Object.freeze(this);
  }

  /**
   * Verifies an organisation's documents: each other, then that they continue what was seen, and expiry last.
   * @throws {CryptoError} pin_mismatch, signature_invalid, trust_rollback, trust_expired, clock_skew,
   *   token_malformed, payload_too_large, key_invalid
   */
  static async establish(documents: TrustDocuments, options: EstablishOptions): Promise<Trust> {
    const verified = await verifyDocuments(documents, options);
    const before = options.previous instanceof Trust ? options.previous.memory : options.previous;
    if (before !== undefined) checkContinues(before, verified, options.now);
    const hashes = await continueChain(before, verified.directory, options.hashes);
    const trust = new Trust(verified, documents, options.pin, remember(verified, before, hashes));
    if (options.acceptExpired !== true) trust.requireFresh(options.now);
    return trust;
  }

  /**
   * Checks that none of the documents has expired. A directory of spec 1 counts as expired, whatever it says.
   * @param now seconds
   * @throws {CryptoError} trust_expired
   */
  requireFresh(now: number): void {
    // guard: trust-spec
    if (this.directory.spec === '1') throw fromEarlierVersion();
    // guard: trust-fresh
    if (now >= this.expiresAt)
      throw new CryptoError('trust_expired', 'root, policy or directory has expired', { check: 'trust-fresh' });
  }

  /**
   * `chain` of the directory after this one.
   * @throws {CryptoError} trust_expired if this one is of spec 1: then it takes the hashes of all before it
   */
  nextChain(): Promise<string> {
    const { chain } = this.directory;
    if (chain === undefined) throw fromEarlierVersion();
    return nextChain(chain, this.directoryRef.hash);
  }

  entity(urn: string): DirectoryEntity | undefined {
    return this.#entities.get(urn);
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

  custodyOf(name: string): Custody {
    return custodyOf(this.policy, name);
  }

  /** Whether an entity is a device with role author in a group that writes under this prompt name. */
  mayAuthor(urn: string, name: string): boolean {
    return (
      this.#isDevice(urn) &&
      this.hasRole(urn, 'author') && // guard: author-role
      // guard: author-group
      this.#isMember(urn, authorsOf(this.policy, name))
    );
  }

  /** Groups that write under this prompt name or sign one of its labels: who reads it where its author names nobody. */
  reviewers(name: string): readonly string[] {
    return reviewersOf(this.policy, name);
  }

  labelRule(name: string, label: string): LabelRule {
    return labelRuleOf(this.policy, name, label);
  }

  /** Seconds: how long a move waits for those who must sign it, from the first of their tags on. */
  get pendingSeconds(): number {
    return pendingSeconds();
  }

  /** Whether an entity may sign tags of this label: a device in the label's groups, or an author where it has none. */
  mayTag(urn: string, name: string, label: string): boolean {
    if (!Object.hasOwn(this.policy.labels, label))
      // guard: label-unruled without: return true;
      return this.mayAuthor(urn, name);
    return (
      this.#isDevice(urn) &&
      // guard: label-group
      this.#isMember(urn, this.labelRule(name, label).groups)
    );
  }

  /** Whether an entity may send chats without a stored prompt. */
  mayChat(urn: string): boolean {
    return this.#isDevice(urn) && this.#isMember(urn, this.policy.chat);
  }

  /** Whether the organisation trusts this content whatever became of its author's key. */
  isKept(chash: string): boolean {
    return this.#kept.has(chash);
  }

  isWithdrawn(promptUrn: string, version: number): boolean {
    // guard: withdrawn without: return false;
    return version < (this.#withdrawn.get(promptUrn) ?? 0);
  }

  /** Whom every sealed prompt is also granted to, if root has a recovery key. */
  recoveryRecipient(): Recipient | undefined {
    const key = this.root.recovery_enc;
    if (key === undefined) return undefined;
    const end = secondsOf(this.root.expires);
    const times = { nbf: secondsOf(this.root.issued), use_until: end, end };
    return { urn: recoveryUrn(this.org), record: { ...key, use: 'enc', pur: ['unwrap'], ...times } };
  }

  #allows(record: KeyRecord): boolean {
    return this.policy.suites.includes(record.suite);
  }

  #isDevice(urn: string): boolean {
    return this.#entities.get(urn)?.kind === 'device';
  }

  #isMember(urn: string, groups: readonly string[]): boolean {
    return this.groupsOf(urn).some((group) => groups.includes(group));
  }
}

function fromEarlierVersion(): CryptoError {
  const message =
    'the directory was made by an earlier version: whoever signs for the organisation runs bulla up or bulla trust renew';
  return new CryptoError('trust_expired', message, { check: 'directory-spec' });
}
