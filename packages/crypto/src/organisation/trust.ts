import type { DirectoryDocument } from './directory.js';
import type { DirectoryHashes } from './directory-chain.js';
import { continueChain, nextChain } from './directory-chain.js';
import type { Recipient } from './directory-keys.js';
import { DirectoryKeys } from './directory-keys.js';
import { secondsOf } from '../tokens/document-times.js';
import { CryptoError } from '../names/errors.js';
import type { DirectoryFreshness } from './fresh-directory.js';
import { byItself, judgeDirectory, notFresh } from './fresh-directory.js';
import { recoveryUrn } from '../names/ids.js';
import type { LabelRule, PolicyDocument } from './policy.js';
import { authorsOf, freshSecondsOf, labelRuleOf, pendingSecondsOf, reviewersOf } from './policy.js';
import type { RootDocument } from './root.js';
import { requireSeconds } from '../names/seconds.js';
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
  /** Seconds: what the clock of this party was raised to before, if it kept that. */
  readonly clock?: number | undefined;
  /** For evidence, for opening one's own grants and for rebuilding `previous`: nothing else may use it. */
  readonly acceptExpired?: boolean;
  /** Takes a directory that nobody calls the newest: for renewers, who are there to say so, and the next signer. */
  readonly acceptStale?: boolean;
}

/**
 * The verified documents of one organisation: the only way from a `kid` to a key, and from a name to what it may
 * do. Immutable; a newer one is established with this one as `previous` (protocol.md §4).
 */
export class Trust extends DirectoryKeys {
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
  /** Until when the directory is the newest, by itself or by a renewer's word. */
  readonly freshness: DirectoryFreshness;
  readonly memory: TrustMemory;
  readonly #verified: VerifiedDocuments;
  readonly #kept: ReadonlySet<string>;
  readonly #withdrawn: ReadonlyMap<string, number>;

  /** Only establish() makes one: the documents are verified. */
  private constructor(
    verified: VerifiedDocuments,
    documents: TrustDocuments,
    pin: string,
    memory: TrustMemory,
    freshness: DirectoryFreshness,
  ) {
    const root = verified.root.payload;
    const policy = verified.policy.payload;
    const directory = verified.directory.payload;
    super(directory, policy);
    this.org = root.org;
    this.pin = pin;
    this.profile = root.profile;
    const { policy: policyToken, directory: directoryToken } = documents;
    const roots = verified.roots.map(({ token }) => token);
    this.freshness = Object.freeze(freshness);
    this.documents = Object.freeze({
      roots: Object.freeze(roots),
      policy: policyToken,
      directory: directoryToken,
      ...(this.freshness.fresh.length > 0 && { fresh: this.freshness.fresh }),
    });
    this.root = root;
    this.policy = policy;
    this.directory = directory;
    this.directoryRef = Object.freeze({ ver: directory.version, hash: verified.directory.hash });
    this.expiresAt = Math.min(...[root, policy, directory].map(({ expires }) => secondsOf(expires)));
    this.memory = memory;
    this.#verified = verified;
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
    requireSeconds(options.now);
    if (options.clock !== undefined) requireSeconds(options.clock);
    const before = options.previous instanceof Trust ? options.previous.memory : options.previous;
    const verified = await verifyDocuments(documents, options, before?.root.version);
    if (before !== undefined) checkContinues(before, verified, options.now);
    const hashes = await continueChain(before, verified.directory, options.hashes);
    const alone = byItself(verified.directory.payload, verified.policy.payload);
    const clock = Math.max(
      alone.clock,
      options.clock ?? 0,
      options.previous instanceof Trust ? options.previous.freshness.clock : 0,
    );
    const trust = new Trust(verified, documents, options.pin, remember(verified, before, hashes), { ...alone, clock });
    const said = await trust.withFreshness(documents.fresh ?? [], options.now);
    if (options.acceptExpired === true) return said;
    if (options.acceptStale === true) said.requireUnexpired(options.now);
    else said.requireFresh(options.now);
    return said;
  }

  /**
   * The same documents beside other words of renewers.
   * @param tokens of `bulla-directory-fresh+jwt`; those that are not good are passed over.
   * @param now seconds
   */
  async withFreshness(tokens: readonly string[], now: number): Promise<Trust> {
    requireSeconds(now);
    const freshness = await judgeDirectory(this, tokens, now);
    return new Trust(this.#verified, this.documents, this.pin, this.memory, freshness);
  }

  /**
   * Checks that none of the documents has expired. A directory of spec 1 counts as expired, whatever it says.
   * @param now seconds
   * @throws {CryptoError} trust_expired
   */
  requireUnexpired(now: number): void {
    requireSeconds(now);
    // guard: trust-spec
    if (this.directory.spec === '1') throw fromEarlierVersion();
    // guard: trust-fresh
    if (this.clock(now) >= this.expiresAt)
      throw new CryptoError('trust_expired', 'root, policy or directory has expired', { check: 'trust-fresh' });
  }

  /**
   * Checks that none of the documents has expired, and that the directory was the newest a few days ago.
   * @param now seconds
   * @throws {CryptoError} trust_expired; clock_skew where this machine's clock is behind what passed before, or a renewer's
   *   word ahead of it; key_unknown (fresh-newer), trust_rollback (fresh-fork) where a renewer has another directory
   */
  requireFresh(now: number): void {
    requireSeconds(now);
    // guard: trust-clock-behind
    if (this.freshness.clock > now + this.policy.max_skew)
      throw new CryptoError('clock_skew', 'the clock of this machine is behind what the organisation signed', {
        check: 'trust-clock',
      });
    this.requireUnexpired(now);
    // guard: directory-fresh
    if (this.clock(now) >= this.freshness.until) throw notFresh(this);
  }

  /**
   * The time by which something is too old: never before what was signed lately and was good.
   * @param now seconds, of this machine
   */
  clock(now: number): number {
    requireSeconds(now);
    // guard: trust-clock without: return now;
    return Math.max(now, this.freshness.clock);
  }

  /** Seconds for which somebody's word that a position or a directory is the newest counts. */
  get freshSeconds(): number {
    return freshSecondsOf(this.policy);
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
    return pendingSecondsOf(this.policy);
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

  #isDevice(urn: string): boolean {
    return this.entity(urn)?.kind === 'device';
  }

  #isMember(urn: string, groups: readonly string[]): boolean {
    return this.groupsOf(urn).some((group) => groups.includes(group));
  }
}

function fromEarlierVersion(): CryptoError {
  const message =
    'the directory was made by an earlier version: a person who signs for the organisation runs bulla up or bulla trust renew';
  return new CryptoError('trust_expired', message, { check: 'directory-spec' });
}
