import type { Kid, PromptId } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { Recipient, Trust } from '@bulla/crypto';
import { parseContent, requireCommitment, sealGrant, urnOf } from '@bulla/crypto';
import { AuditOutbox, auditOfService, Clock, ServiceKeys } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { VaultDatabase } from '../../database/vault-database.js';
import type { CheckedGrant, GrantedVersion, GrantRow } from '../../grants/grants.service.js';
import { GrantsService } from '../../grants/grants.service.js';
import { KekWraps } from '../keyring/kek-wraps.js';
import { isManaged, ManagedCustody } from './managed-custody.js';

/** A version under a managed name that a responder is to get. */
export interface ManagedVersion {
  readonly id: PromptId;
  readonly name: string;
  readonly version: number;
  readonly chash: string;
  readonly content: string;
}

/** Grants that the vault makes itself, of managed names: once for each key, and stored with the others. */
@Injectable()
export class ManagedGrants {
  constructor(
    private readonly clock: Clock,
    private readonly keys: ServiceKeys,
    private readonly database: VaultDatabase,
    private readonly wraps: KekWraps,
    private readonly custody: ManagedCustody,
    private readonly grants: GrantsService,
    private readonly outbox: AuditOutbox,
  ) {}

  /**
   * Makes and stores the grant of a version for a key of a responder. Of those that come together one is stored.
   * @param recipient of the directory; whether it may have the version, the statement says, and not who asks
   * @throws {Problem} needs_rewrap under a sealed name, without a stored wrap, for a responder that the statement does not
   *   name, or where the statement does not count any more, as that of an author who was revoked
   */
  async make(trust: Trust, of: ManagedVersion, recipient: Recipient | undefined): Promise<GrantRow> {
    const { id, name, version, chash, content } = of;
    const { org } = trust;
    // guard: managed-grant-custody
    if (!isManaged(name, trust) || recipient === undefined) throw new Problem('needs_rewrap');
    const row = await this.wraps.find(org, id, version);
    if (row === undefined) throw new Problem('needs_rewrap');
    const { header } = parseContent(content);
    const granted = { promptId: id, version, chash, dekId: header.kid, dkc: requireCommitment(header) };
    const { dekId, dkc } = granted;
    const stored = { kekVersion: row.kek_version, wrap: row.wrap };
    const opened = this.custody.unwrap(trust, { ...granted, name, content }, stored);
    // guard: managed-grant-author without: const { dek, statement } = await opened;
    const { dek, statement } = await opened.catch(needsAuthor);
    try {
      // guard: managed-grant-recipient
      if (!statement.acl.responders.includes(recipient.urn)) throw new Problem('needs_rewrap');
      const sub = urnOf(org, 'prompt', id);
      const grant = { sub, ver: version, dekId, chash, dkc, protectUntil: statement.protect_until };
      const checked = await this.grants.check(trust, granted, [await sealGrant(dek, grant, recipient)]);
      await this.store(trust, granted, checked);
    } finally {
      dek.wipe();
    }
    const kept = await this.grants.findFor(org, id, version, recipient.record.kid);
    if (kept === undefined) throw new Problem('needs_rewrap');
    return kept;
  }

  private async store(trust: Trust, of: GrantedVersion, grants: readonly CheckedGrant[]): Promise<void> {
    const { org } = trust;
    const { kid: poster } = this.keys.signer('http', trust, this.clock.now());
    await this.database.db.transaction().execute(async (trx) => {
      const placed = grants.map((grant) => ({ ...grant, ...of }));
      const { added } = await this.grants.store(trx, { org, kid: poster, trust }, placed);
      for (const { kid, whash } of grants) {
        if (!added.has(whash)) continue;
        const obj = { prompt: of.promptId as PromptId, version: of.version, kid: kid as Kid };
        const event = auditOfService(org, { act: 'grant.make', obj }, this.clock.nowMs());
        await this.outbox.write(trx, { org, event, evidence: null });
      }
    });
  }
}

/** What the vault cannot grant by itself, an author still can. */
function needsAuthor(error: unknown): never {
  if (error instanceof Problem && error.code === 'open_failed') throw new Problem('needs_rewrap');
  throw error;
}
