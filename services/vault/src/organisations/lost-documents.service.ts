import type { AcceptedDocument, LostDocuments, RestoredVault } from '@bulla/contract';
import { entityTag, Problem } from '@bulla/contract';
import { CryptoError, parseDirectoryFreshness, parseRoot, Trust } from '@bulla/crypto';
import { Answer, auditOfDocuments, auditOfService, Clock, writeAudit } from '@bulla/service-kit';
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
    return this.turns.take(org, () => this.takeNow(org, lost, requestId));
  }

  private async takeNow(org: string, lost: LostDocuments, requestId: string): Promise<Answer<AcceptedDocument>> {
    await this.trust.refresh(org);
    const before = await this.trust.trustOf(org);
    if (before === undefined) throw new Problem('not_found');
    for (const token of [...lost.roots, lost.policy, lost.directory]) requireServable(token);
    const next = await this.verify(before, lost);
    const { ver: version } = next.directoryRef;
    if (version > before.directoryRef.ver)
      await this.database.db.transaction().execute(async (trx) => {
        // guard: handback-documents-open
        await this.restores.requireRestored(trx, org);
        const newest = await this.organisations.newestVersions(org, trx);
        if (newest?.root !== before.root.version || newest.directory !== before.directory.version)
          throw new Problem('version_conflict', { detail: 'somebody else handed documents back meanwhile' });
        await this.insert(trx, before, next, lost);
        const done = { act: 'organisation.handback', obj: { version } } as const;
        const event = auditOfDocuments({ org, request: { id: requestId } }, done, this.clock.nowMs());
        await writeAudit(trx, { org, event, evidence: null });
        for (const entry of await this.custody.follow(trx, next)) {
          const followed = auditOfService(org, entry, this.clock.nowMs());
          await writeAudit(trx, { org, event: followed, evidence: null });
        }
        for (const token of next.freshness.fresh) {
          const { iss: urn, iat } = parseDirectoryFreshness(token).claims;
          await this.organisations.putWord(trx, { org, urn, version, token, issued_at: new Date(iat * 1000) });
        }
      });
    this.trust.forget(org);
    return new Answer({ version }, { etag: entityTag(version) });
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
      return await Trust.establish(documents, {
        org,
        pin,
        now,
        previous: before, // guard: handback-continues
        hashes: { from, hashes },
        acceptExpired: true,
        underStatedRoot: true,
      });
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
