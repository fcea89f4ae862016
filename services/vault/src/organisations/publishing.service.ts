import type { AcceptedDocument, NewRoot } from '@bulla/contract';
import { DIRECTORIES_PER_DAY, entityTag, Problem } from '@bulla/contract';
import type { DocumentPair, Trust, TrustDocuments } from '@bulla/crypto';
import { findLockOut, parsePolicy, readDirectoryHead, requireSignedToken } from '@bulla/crypto';
import type { Answer, AuditEntry, Caller, Effect } from '@bulla/service-kit';
import { Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultLedger } from '../database/vault-ledger.js';
import { KeyEndsService } from '../grants/key-ends.service.js';
import { CustodyChanges } from '../managed/custody/custody-changes.js';
import { WaitingMoves } from '../prompts/waiting-moves.js';
import { RestoreGuard } from '../restores/restore-guard.js';
import { establishFollowing, requireSignedRoot } from './following-documents.js';
import type { StoredDocument } from './organisations.repository.js';
import { OrganisationsRepository } from './organisations.repository.js';
import { PublishingTurns } from './publishing-turns.js';
import { requireServable } from './signed-form.js';
import { ServedProfiles } from './served-profiles.js';
import { requireNewest, requireNext } from './next-document.js';
import { requireRootMoment, requireStillTaken } from './taken-times.js';
import { VaultTrust } from './vault-trust.js';

const DAY_SECONDS = 86_400;

/** What is to be published, and what the publication comes to. */
type Prepare<Body> = (
  trx: VaultTransaction,
  trust: Trust,
  verified: Verified,
) => Promise<{ readonly documents: readonly StoredDocument[]; readonly effect: Effect<Body> }>;

/** A directory that continues the newest, with what is published before it in the same request. */
interface NextDirectory {
  readonly documents: readonly StoredDocument[];
  readonly next: Trust;
  /** What else the audit log says of it. */
  readonly also?: readonly AuditEntry[];
}
type Verified = PromiseSettledResult<NextDirectory> | undefined;
/** Verifies what takes long before the transaction begins. */
type Look = (trust: Trust) => Promise<NextDirectory>;

/**
 * New versions of an organisation's documents. An owner or admin sends them, and whose signatures they bear decides. Of a
 * root also one whom the documents that come with it make owner or admin: see carriedBy of vault-trust.ts.
 */
@Injectable()
export class PublishingService {
  private readonly turns = new PublishingTurns();

  constructor(
    private readonly ledger: VaultLedger,
    private readonly clock: Clock,
    private readonly organisations: OrganisationsRepository,
    private readonly trust: VaultTrust,
    private readonly profiles: ServedProfiles,
    private readonly waiting: WaitingMoves,
    private readonly restores: RestoreGuard,
    private readonly keyEnds: KeyEndsService,
    private readonly custody: CustodyChanges,
  ) {}

  /**
   * The next root, signed by the thresholds of the newest and of itself (TUF §5.3), with the policy and the directory that
   * are signed under it: whoever sees one of the three can see all (protocol.md A21).
   */
  root(caller: Caller, version: number, basedOn: number, sent: NewRoot): Promise<Answer<AcceptedDocument>> {
    return this.publish(
      caller,
      async (trx, trust, verified) => {
        requireNewest(basedOn, trust.root.version);
        const { documents, also = [] } = await this.settled(trx, trust, verified);
        // No directory can name them any more, and whoever stole the key of the policy can have left one there.
        // guard: vault-root-unnamed
        await this.organisations.dropUnnamedPolicies(trx, trust.org, trust.policy.version);
        const events = documents.map(
          ({ kind, version: of }) => ({ act: `${kind}.publish`, obj: { version: of } }) as const,
        );
        const [event = { act: 'root.publish', obj: { version } }, ...others] = events;
        return {
          documents,
          effect: { body: { version }, event, etag: entityTag(version), also: [...others, ...also] },
        };
      },
      (trust) => this.nextRoot(trust, version, sent),
    );
  }

  /** The next policy. It is served, and counts, once a directory names it. */
  policy(caller: Caller, basedOn: number, token: string): Promise<Answer<AcceptedDocument>> {
    return this.publish(caller, async (trx, trust) => {
      const { org, root } = trust;
      const newest = await this.organisations.newestDocument(org, 'policy', trx);
      requireNewest(basedOn, newest?.version);
      requireServable(token);
      // guard: vault-publish-policy-signed
      await requireSignedToken(token, 'bulla-policy', root.roles.policy, root.keys, 'policy-signatures');
      const parsed = await parsePolicy(token);
      const { version, prev, root_version: statedRoot, org: statedOrg } = parsed.payload;
      if (statedOrg !== org)
        throw new Problem('validation_failed', { detail: 'the policy is of another organisation' });
      // guard: vault-publish-policy-next
      if (version !== basedOn + 1 || prev !== newest?.sha256 || statedRoot !== root.version) {
        throw new Problem('version_conflict', { detail: 'the policy does not continue the newest one' });
      }
      requireStillTaken('policy', parsed.payload, this.clock.now());
      await this.custody.requireNoneSealed(trx, trust, parsed.payload);
      this.requireNobodyLockedOut(trust, { directory: trust.directory, policy: parsed.payload });
      const document: StoredDocument = { kind: 'policy', version, token, sha256: parsed.hash };
      return { documents: [document], effect: effectOf(document) };
    });
  }

  /** The next directory, with the policy that it names. */
  directory(caller: Caller, basedOn: number, token: string): Promise<Answer<AcceptedDocument>> {
    return this.publish(
      caller,
      async (trx, trust, verified) => {
        requireNewest(basedOn, trust.directory.version);
        const { documents, next, also } = await this.settled(trx, trust, verified);
        const version = next.directory.version;
        return { documents, effect: { ...effectOf({ kind: 'directory', version }), ...(also && { also }) } };
      },
      (trust) => this.nextDirectory(trust, token),
    );
  }

  /**
   * The next directory for the sake of something else, which happens in the same transaction or neither does. Which
   * version it follows, the directory itself says.
   * @param along is given what the directory makes true, and what was true before.
   */
  directoryWith<Body>(
    caller: Caller,
    token: string,
    along: (trx: VaultTransaction, next: Trust, before: Trust) => Promise<Effect<Body>>,
  ): Promise<Answer<Body>> {
    return this.publish(
      caller,
      async (trx, trust, verified) => {
        const { documents, next, also = [] } = await this.settled(trx, trust, verified);
        const effect = await along(trx, next, trust);
        return { documents, effect: { ...effect, also: [...(effect.also ?? []), ...also] } };
      },
      (trust) => this.nextDirectory(trust, token),
    );
  }

  /** What was verified before the transaction began: what takes long holds no connection and no lock. */
  private async settled(trx: VaultTransaction, trust: Trust, verified: Verified): Promise<NextDirectory> {
    if (verified?.status !== 'fulfilled') throw verified?.reason ?? new Problem('internal');
    // One with a new root is not counted: a thief who published a hundred keeps nobody from replacing the key.
    // guard: vault-root-uncounted without: await this.requireDailyLimit(trust.org, trx);
    if (verified.value.next.root.version === trust.root.version) await this.requireDailyLimit(trust.org, trx);
    await this.keyEnds.requireNothingLost(trx, trust, verified.value.next);
    await this.waiting.endChanged(trx, trust, verified.value.next);
    const also = await this.custody.apply(trx, trust, verified.value.next);
    return { ...verified.value, also };
  }

  private async nextDirectory(trust: Trust, token: string): Promise<NextDirectory> {
    // What its first lines say costs nothing to read, and refuses what was sent once too often.
    const head = readDirectoryHead(token);
    await requireNext(head, trust, trust.root.version);
    await this.requireDailyLimit(trust.org);
    requireServable(token);
    const { roles, keys } = trust.root;
    await requireSignedToken(token, 'bulla-directory', roles.directory, keys, 'directory-signatures');
    const policy = await this.organisations.findDocument(trust.org, 'policy', head.policy.version);
    if (policy === undefined) {
      throw new Problem('validation_failed', { detail: 'the directory names a policy that was not published' });
    }
    const next = await this.establish({ ...trust.documents, policy: policy.token, directory: token }, trust);
    requireStillTaken('directory', next.directory, this.clock.now());
    this.requireNobodyLockedOut(trust, next);
    return { documents: [directoryRow(next, token)], next };
  }

  /** A root, and what is published with it. */
  private async nextRoot(trust: Trust, version: number, sent: NewRoot): Promise<NextDirectory> {
    const parsed = await requireSignedRoot(trust, sent);
    if (parsed.payload.version !== version)
      throw new Problem('validation_failed', { detail: 'the address and the document name different versions' });
    requireRootMoment(parsed.payload, this.clock.now());
    const { root, policy, directory } = sent;
    const next = await this.establish({ roots: [...trust.documents.roots, root], policy, directory }, trust);
    this.profiles.require(next.profile);
    // guard: vault-root-policy-next
    if (next.policy.version !== trust.policy.version + 1)
      throw new Problem('version_conflict', { detail: 'the policy does not continue the one that counts' });
    this.requireNobodyLockedOut(trust, next);
    const { hash: policyHash } = next.memory.policy;
    const documents: StoredDocument[] = [
      { kind: 'root', version, token: root, sha256: parsed.hash },
      { kind: 'policy', version: next.policy.version, token: policy, sha256: policyHash },
      directoryRow(next, directory),
    ];
    return { documents, next };
  }

  /** Who signed it may be somebody's older command: what would leave nobody to mend it is not taken. */
  private requireNobodyLockedOut(before: DocumentPair, after: DocumentPair): void {
    const lockOut = findLockOut(before, after, this.clock.now());
    // guard: vault-publish-lock-out
    if (lockOut !== undefined) throw new Problem('validation_failed', { detail: lockOut.reason });
  }

  /** Everybody who was away folds every directory that ever was, so there are not too many. */
  private async requireDailyLimit(org: string, source?: VaultTransaction): Promise<void> {
    const age = await this.organisations.secondsSincePublished(org, DIRECTORIES_PER_DAY, source);
    // guard: vault-publish-daily
    if (age !== undefined) {
      const detail = `the organisation has published ${DIRECTORIES_PER_DAY} directories within a day`;
      throw new Problem('rate_limited', { detail, retryAfterSeconds: Math.max(1, DAY_SECONDS - age) });
    }
  }

  /** One after the other of an organisation, so that who publishes much at once keeps nobody else waiting. */
  private publish<Body>(caller: Caller, prepare: Prepare<Body>, look?: Look): Promise<Answer<Body>> {
    return this.turns.take(caller.org, () => this.publishNow(caller, prepare, look));
  }

  private async publishNow<Body>(caller: Caller, prepare: Prepare<Body>, look?: Look): Promise<Answer<Body>> {
    const { org } = caller;
    await this.trust.refresh(org);
    const trust = (await this.trust.trustOf(org)) ?? caller.trust;
    // What is wrong with it is said in the transaction: a retry gets the answer of the first try.
    const [verified] = look === undefined ? [] : await Promise.allSettled([look(trust)]);
    const answer = await this.ledger.run(caller, async (trx) => {
      // One publication at a time, and none that was verified by documents which are not the newest any more.
      await this.organisations.lock(trx, org);
      await this.restores.requireUnrestored(trx, org);
      const newest = await this.organisations.newestVersions(org, trx);
      if (newest?.root !== trust.root.version || newest.directory !== trust.directory.version) {
        throw new Problem('version_conflict');
      }
      const { documents, effect } = await prepare(trx, trust, verified);
      for (const document of documents)
        if (!(await this.organisations.insertDocument(trx, { ...document, org })))
          throw new Problem('version_conflict');
      return effect;
    });
    this.trust.forget(org);
    return answer;
  }

  private establish(documents: TrustDocuments, previous: Trust): Promise<Trust> {
    return establishFollowing(documents, previous, { organisations: this.organisations, now: this.clock.now() });
  }
}

/** A document that is published for its own sake. */
function effectOf({ kind, version }: Pick<StoredDocument, 'kind' | 'version'>): Effect<AcceptedDocument> {
  const event = { act: `${kind}.publish`, obj: { version } } as const;
  return { body: { version }, event, etag: entityTag(version) };
}

function directoryRow({ directoryRef: { ver, hash } }: Trust, token: string): StoredDocument {
  return { kind: 'directory', version: ver, token, sha256: hash };
}
