import type { AcceptedDocument } from '@bulla/contract';
import { DIRECTORIES_PER_DAY, entityTag, Problem } from '@bulla/contract';
import type { DirectoryHead, DocumentPair, EstablishOptions, TrustDocuments } from '@bulla/crypto';
import { CryptoError, findLockOut, parsePolicy, readDirectoryHead, requireSignedToken, Trust } from '@bulla/crypto';
import type { Answer, AuditEntry, Caller, Effect } from '@bulla/service-kit';
import { Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultLedger } from '../database/vault-ledger.js';
import { KeyEndsService } from '../grants/key-ends.service.js';
import { CustodyChanges } from '../managed/custody/custody-changes.js';
import { WaitingMoves } from '../prompts/waiting-moves.js';
import { RestoreGuard } from '../restores/restore-guard.js';
import type { StoredDocument } from './organisations.repository.js';
import { OrganisationsRepository } from './organisations.repository.js';
import { PublishingTurns } from './publishing-turns.js';
import { requireServable } from './signed-form.js';
import { ServedProfiles } from './served-profiles.js';
import { VaultTrust } from './vault-trust.js';

const DAY_SECONDS = 86_400;

/** Verifies a document as the next of its kind, after what is published now. */
type Verify = (trx: VaultTransaction, trust: Trust) => Promise<StoredDocument>;

/** What is to be published, and what the publication comes to. */
type Prepare<Body> = (
  trx: VaultTransaction,
  trust: Trust,
  verified: Verified,
) => Promise<{ readonly document: StoredDocument; readonly effect: Effect<Body> }>;

/** A directory that continues the newest. */
interface NextDirectory {
  readonly document: StoredDocument;
  readonly next: Trust;
  /** What else the audit log says of it. */
  readonly also?: readonly AuditEntry[];
}
type Verified = PromiseSettledResult<NextDirectory> | undefined;

/** New versions of an organisation's documents. Who sends one does not matter; whose signatures it bears does. */
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

  /** The next root: signed by the thresholds of the newest and of itself (TUF §5.3). */
  root(caller: Caller, version: number, basedOn: number, token: string): Promise<Answer<AcceptedDocument>> {
    return this.publishAlone(caller, async (_trx, trust) => {
      requireNewest(basedOn, trust.root.version);
      requireServable(token);
      const documents = { ...trust.documents, roots: [...trust.documents.roots, token] };
      // Policy and directory follow under the new root; until then they count under the one that they state.
      const next = await this.establish(documents, trust, { acceptExpired: true, underStatedRoot: true });
      this.profiles.require(next.profile);
      if (next.root.version !== version) {
        throw new Problem('validation_failed', { detail: 'the address and the document name different versions' });
      }
      return { kind: 'root', version, token, sha256: next.memory.root.hash };
    });
  }

  /** The next policy. It is served, and counts, once a directory names it. */
  policy(caller: Caller, basedOn: number, token: string): Promise<Answer<AcceptedDocument>> {
    return this.publishAlone(caller, async (trx, trust) => {
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
      await this.custody.requireNoneSealed(trx, trust, parsed.payload);
      this.requireNobodyLockedOut(trust, { directory: trust.directory, policy: parsed.payload });
      return { kind: 'policy', version, token, sha256: parsed.hash };
    });
  }

  /** The next directory, with the policy that it names. */
  directory(caller: Caller, basedOn: number, token: string): Promise<Answer<AcceptedDocument>> {
    return this.publish(
      caller,
      async (trx, trust, verified) => {
        requireNewest(basedOn, trust.directory.version);
        const { document, also } = await this.settled(trx, trust, verified);
        return { document, effect: { ...effectOf(document), ...(also && { also }) } };
      },
      token,
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
        const { document, next, also = [] } = await this.settled(trx, trust, verified);
        const effect = await along(trx, next, trust);
        return { document, effect: { ...effect, also: [...(effect.also ?? []), ...also] } };
      },
      token,
    );
  }

  /** What was verified before the transaction began: what takes long holds no connection and no lock. */
  private async settled(trx: VaultTransaction, trust: Trust, verified: Verified): Promise<NextDirectory> {
    if (verified?.status !== 'fulfilled') throw verified?.reason ?? new Problem('internal');
    await this.requireDailyLimit(trust.org, trx);
    await this.keyEnds.requireNothingLost(trx, trust, verified.value.next);
    await this.waiting.endChanged(trx, trust, verified.value.next);
    const also = await this.custody.apply(trx, trust, verified.value.next);
    return { ...verified.value, also };
  }

  private async nextDirectory(trust: Trust, token: string): Promise<NextDirectory> {
    // What its first lines say costs nothing to read, and refuses what was sent once too often.
    const head = readDirectoryHead(token);
    await requireNext(head, trust);
    await this.requireDailyLimit(trust.org);
    requireServable(token);
    const { roles, keys } = trust.root;
    await requireSignedToken(token, 'bulla-directory', roles.directory, keys, 'directory-signatures');
    const policy = await this.organisations.findDocument(trust.org, 'policy', head.policy.version);
    if (policy === undefined) {
      throw new Problem('validation_failed', { detail: 'the directory names a policy that was not published' });
    }
    // The first directory with a chain follows all that had none.
    const isFirst = trust.memory.directory.chain === undefined;
    const hashes = isFirst ? await this.organisations.hashesFrom(trust.org, 1) : undefined;
    const documents = { ...trust.documents, policy: policy.token, directory: token };
    const next = await this.establish(documents, trust, { hashes });
    this.requireNobodyLockedOut(trust, next);
    const { ver, hash } = next.directoryRef;
    return { document: { kind: 'directory', version: ver, token, sha256: hash }, next };
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

  /** Publishes a document for its own sake. */
  private publishAlone(caller: Caller, verify: Verify): Promise<Answer<AcceptedDocument>> {
    return this.publish(caller, async (trx, trust) => {
      const document = await verify(trx, trust);
      return { document, effect: effectOf(document) };
    });
  }

  /** One after the other of an organisation, so that who publishes much at once keeps nobody else waiting. */
  private publish<Body>(caller: Caller, prepare: Prepare<Body>, directory?: string): Promise<Answer<Body>> {
    return this.turns.take(caller.org, () => this.publishNow(caller, prepare, directory));
  }

  private async publishNow<Body>(caller: Caller, prepare: Prepare<Body>, directory?: string): Promise<Answer<Body>> {
    const { org } = caller;
    await this.trust.refresh(org);
    const trust = (await this.trust.trustOf(org)) ?? caller.trust;
    // What is wrong with it is said in the transaction: a retry gets the answer of the first try.
    const [verified] = directory === undefined ? [] : await Promise.allSettled([this.nextDirectory(trust, directory)]);
    const answer = await this.ledger.run(caller, async (trx) => {
      // One publication at a time, and none that was verified by documents which are not the newest any more.
      await this.organisations.lock(trx, org);
      await this.restores.requireUnrestored(trx, org);
      const newest = await this.organisations.newestVersions(org, trx);
      if (newest?.root !== trust.root.version || newest.directory !== trust.directory.version) {
        throw new Problem('version_conflict');
      }
      const { document, effect } = await prepare(trx, trust, verified);
      if (!(await this.organisations.insertDocument(trx, { ...document, org }))) throw new Problem('version_conflict');
      return effect;
    });
    this.trust.forget(org);
    return answer;
  }

  private async establish(
    documents: TrustDocuments,
    previous: Trust,
    options: Pick<EstablishOptions, 'acceptExpired' | 'underStatedRoot' | 'hashes'> = {},
  ): Promise<Trust> {
    const { org, pin } = previous;
    try {
      return await Trust.establish(documents, {
        org,
        pin,
        now: this.clock.now(),
        previous, // guard: vault-publish-continues
        ...options,
      });
    } catch (error) {
      if (error instanceof CryptoError && error.code === 'trust_rollback') {
        throw new Problem('version_conflict', { detail: `it does not continue what was published: ${error.message}` });
      }
      throw error;
    }
  }
}

/** A document that is published for its own sake. */
function effectOf({ kind, version }: StoredDocument): Effect<AcceptedDocument> {
  const event = { act: `${kind}.publish`, obj: { version } } as const;
  return { body: { version }, event, etag: entityTag(version) };
}

function requireNewest(basedOn: number, newest: number | undefined): void {
  // guard: vault-publish-if-match
  if (basedOn !== newest) throw new Problem('version_conflict');
}

/** Before anything is parsed or verified: most of what is refused says itself that it does not fit. */
async function requireNext(head: DirectoryHead, trust: Trust): Promise<void> {
  const { version, root_version: rootVersion, prev, chain } = head;
  // What follows a directory of spec 1 is folded from all before it, later.
  const expected = trust.directory.chain === undefined ? chain : await trust.nextChain();
  if (
    version !== trust.directory.version + 1 || // guard: vault-publish-next
    prev !== trust.directoryRef.hash || // guard: vault-publish-prev
    chain !== expected || // guard: vault-publish-chain
    rootVersion !== trust.root.version // guard: vault-publish-old-root
  ) {
    throw new Problem('version_conflict', { detail: 'the directory does not continue the newest one' });
  }
}
