import type { AcceptedDocument, LostDocuments, RestoredVault } from '@bulla/contract';
import { entityTag, Problem } from '@bulla/contract';
import {
  countSignatures,
  CryptoError,
  parseDirectory,
  parseDirectoryFreshness,
  parseRoot,
  readDirectoryHead,
  Trust,
} from '@bulla/crypto';
import { Answer, auditOfDocuments, AuditOutbox, auditOfService, Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';
import { CustodyChanges } from '../managed/custody/custody-changes.js';
import { RestoreGuard } from '../restores/restore-guard.js';
import type { StoredDocument } from './organisations.repository.js';
import { OrganisationsRepository } from './organisations.repository.js';
import { PublishingTurns } from './publishing-turns.js';
import { requireServable } from './signed-form.js';
import { VaultTrust } from './vault-trust.js';

/** What somebody hands back to a vault that was restored at some moment. */
interface HandBack {
  readonly org: string;
  readonly lost: LostDocuments;
  readonly restoredAt: Date;
}

/** What is handed back, and what it follows: what the vault has, or what its backup had. */
interface Judged {
  readonly before: Trust;
  readonly next: Trust;
}

/** Documents that the vault has lost by a restore, as the clients that kept them hand them back. */
@Injectable()
export class LostDocumentsService {
  private readonly turns = new PublishingTurns();

  constructor(
    private readonly database: VaultDatabase,
    private readonly clock: Clock,
    private readonly organisations: OrganisationsRepository,
    private readonly trust: VaultTrust,
    private readonly restores: RestoreGuard,
    private readonly custody: CustodyChanges,
    private readonly outbox: AuditOutbox,
  ) {}

  /** @throws {Problem} not_found */
  async restored(org: string): Promise<Answer<RestoredVault>> {
    const standing = await this.restores.look(org);
    if (standing === undefined) throw new Problem('not_found');
    const body = { v: 1 as const, restored: standing.restoredAt?.toISOString() ?? null };
    return new Answer(body, { headers: { 'cache-control': 'no-store' } });
  }

  /**
   * Takes documents back that continue the vault's newest, with all that lies between. Who sends them does not matter;
   * the same ones change nothing.
   * @throws {Problem} not_found; forbidden if nothing was lost; version_conflict for a fork; {CryptoError} as
   *   Trust.establish
   */
  async take(org: string, lost: LostDocuments, requestId: string): Promise<Answer<AcceptedDocument>> {
    const standing = await this.restores.look(org);
    if (standing === undefined) throw new Problem('not_found');
    // Strangers ask: nothing is verified while nothing is lost.
    // guard: handback-closed
    if (standing.restoredAt === null) throw new Problem('forbidden', { detail: 'the vault has lost nothing' });
    const { restoredAt } = standing;
    return this.turns.take(org, () => this.takeNow({ org, lost, restoredAt }, requestId));
  }

  private async takeNow({ org, lost, restoredAt }: HandBack, requestId: string): Promise<Answer<AcceptedDocument>> {
    await this.trust.refresh(org);
    const held = await this.trust.trustOf(org);
    if (held === undefined) throw new Problem('not_found');
    for (const token of [...lost.roots, lost.policy, lost.directory]) requireServable(token);
    const { before, next } = await this.judge(held, lost, restoredAt);
    const { ver: version } = next.directoryRef;
    if (version > before.directoryRef.ver)
      await this.database.db.transaction().execute(async (trx) => {
        // guard: handback-documents-open
        await this.restores.requireRestored(trx, org);
        const newest = await this.organisations.newestVersions(org, trx);
        if (newest?.root !== held.root.version || newest.directory !== held.directory.version)
          throw new Problem('version_conflict', { detail: 'somebody else handed documents back meanwhile' });
        if (before !== held)
          await this.organisations.dropHandedBack(trx, org, {
            policy: before.policy.version,
            directory: before.directory.version,
          });
        await this.insert(trx, before, next, lost);
        const done = { act: 'organisation.handback', obj: { version } } as const;
        const event = auditOfDocuments({ org, request: { id: requestId } }, done, this.clock.nowMs());
        await this.outbox.write(trx, { org, event, evidence: null });
        for (const entry of await this.custody.follow(trx, next)) {
          const followed = auditOfService(org, entry, this.clock.nowMs());
          await this.outbox.write(trx, { org, event: followed, evidence: null });
        }
        for (const token of next.freshness.fresh) {
          const { iss: urn, iat } = parseDirectoryFreshness(token).claims;
          await this.organisations.putWord(trx, { org, urn, version, token, issued_at: new Date(iat * 1000) });
        }
      });
    this.trust.forget(org);
    return new Answer({ version }, { etag: entityTag(version) });
  }

  /**
   * Verifies what is handed back, its roots first. What others handed back since the restore gives way where a newer root
   * no longer supports it: a thief whose key that root ended may have been faster.
   */
  private async judge(held: Trust, lost: LostDocuments, restoredAt: Date): Promise<Judged> {
    try {
      return { before: held, next: await this.verify(held, lost) };
    } catch (error) {
      const base = lost.roots.length > held.root.version ? await this.restoredTrust(held, restoredAt) : undefined;
      if (base === undefined) throw error;
      const next = await this.verify(base, lost);
      const directory = await parseDirectory(held.documents.directory);
      const { roles, keys } = next.root;
      // guard: handback-roots-first
      if ((await countSignatures(directory, roles.directory, keys)) >= roles.directory.threshold) throw error;
      return { before: base, next };
    }
  }

  /** What the backup had; undefined where nothing was handed back since. */
  private async restoredTrust({ org, pin, documents, ...held }: Trust, restoredAt: Date): Promise<Trust | undefined> {
    const directory = await this.organisations.directoryBefore(org, restoredAt);
    if (directory === undefined || directory.version >= held.directory.version) return undefined;
    const named = readDirectoryHead(directory.token).policy.version;
    const policy = await this.organisations.findDocument(org, 'policy', named);
    if (policy === undefined) return undefined;
    const { hashes } = await this.organisations.hashesFrom(org, 1);
    return Trust.establish(
      { roots: documents.roots, policy: policy.token, directory: directory.token },
      {
        org,
        pin,
        now: this.clock.now(),
        hashes: { from: 1, hashes: hashes.slice(0, directory.version - 1) },
        acceptExpired: true,
        underStatedRoot: true,
      },
    );
  }

  /** As everybody verifies what follows what they have; it may have expired since. */
  private async verify(
    before: Trust,
    { roots, policy, directory, fresh, from, hashes }: LostDocuments,
  ): Promise<Trust> {
    const { org, pin } = before;
    const documents = { roots, policy, directory, fresh };
    const now = this.clock.now();
    try {
      const next = await Trust.establish(documents, {
        org,
        pin,
        now,
        previous: before, // guard: handback-continues
        hashes: { from, hashes },
        acceptExpired: true,
      });
      // What an ended key signed comes back under no root that ended it.
      // guard: handback-newest-root
      if (next.root.version !== roots.length)
        throw new CryptoError('signature_invalid', 'they were not signed under the newest root that came with them', {
          check: 'root-alone',
        });
      return next;
    } catch (error) {
      if (!(error instanceof CryptoError) || error.code !== 'trust_rollback') throw error;
      throw new Problem('version_conflict', { detail: `it does not continue what the vault has: ${error.message}` });
    }
  }

  private async insert(trx: VaultTransaction, before: Trust, next: Trust, lost: LostDocuments): Promise<void> {
    const { org } = next;
    const { ver, hash } = next.directoryRef;
    const first = before.directoryRef.ver + 1;
    const between = next.memory.hashes?.slice(first - 1) ?? [];
    await this.organisations.insertHashes(trx, org, { from: first, hashes: [...between, hash] });
    const rows = lost.roots.map((token, index) => ({ kind: 'root' as const, version: index + 1, token }));
    const documents: StoredDocument[] = [];
    for (const row of rows.slice(before.root.version))
      documents.push({ ...row, sha256: (await parseRoot(row.token)).hash });
    const { version, hash: sha256 } = next.memory.policy;
    documents.push({ kind: 'policy', version, token: lost.policy, sha256 });
    documents.push({ kind: 'directory', version: ver, token: lost.directory, sha256: hash });
    for (const document of documents) await this.insertDocument(trx, org, document);
  }

  /** A policy may be there already, and wait for a directory that names it: another one under its number is a fork. */
  private async insertDocument(trx: VaultTransaction, org: string, document: StoredDocument): Promise<void> {
    if (await this.organisations.insertLost(trx, { ...document, org })) return;
    const known = await this.organisations.findDocument(org, document.kind, document.version, trx);
    // guard: handback-policy-fork
    if (known?.sha256 !== document.sha256)
      throw new Problem('version_conflict', { detail: `the vault has another ${document.kind} of this version` });
  }
}
