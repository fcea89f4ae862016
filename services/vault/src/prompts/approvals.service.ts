import type { Approval, ApprovalId, ApprovalPage, ApprovalQuery, LabelMoveResult, PromptId } from '@bulla/contract';
import { entityTag, Problem } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import { Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VaultSource } from '../database/vault-database.js';
import { VaultLedger } from '../database/vault-ledger.js';
import { decodeCursor, encodeCursor } from '@bulla/service-kit';
import { pageOf } from '@bulla/service-kit';
import type { ApprovalRow, ApprovalTagRow } from './approvals.repository.js';
import { ApprovalsRepository } from './approvals.repository.js';
import { LabelMoves } from './label-moves.js';

/** As many tags as one position of a label has at most. */
const TAGS_SHOWN = 16;

/** Moves of protected labels that wait for the tags of further people (docs/decisions/2026-11-25-approvals.md). */
@Injectable()
export class ApprovalsService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly clock: Clock,
    private readonly approvals: ApprovalsRepository,
    private readonly moves: LabelMoves,
  ) {}

  async list(caller: Caller, { state, limit, cursor }: ApprovalQuery): Promise<Answer<ApprovalPage>> {
    const [before] = cursor === undefined ? [] : decodeCursor(cursor, ['string']);
    const filter = { org: caller.org, state, now: this.now(), before, limit: limit + 1 };
    const rows = await this.approvals.list(filter);
    const tags = await this.approvals.tagsOf(
      caller.org,
      rows.map(({ id }) => id),
    );
    const byApproval = Map.groupBy(tags, ({ approval_id: id }) => id);
    return pageOf(rows, {
      limit,
      item: (row) => this.present(caller.trust, row, byApproval.get(row.id) ?? []),
      cursorAfter: ({ id }) => encodeCursor([id]),
      request: caller.request,
    });
  }

  async get(caller: Caller, id: ApprovalId): Promise<Approval> {
    const row = await this.find(caller, id);
    return this.present(caller.trust, row, await this.approvals.tagsOf(caller.org, [id]));
  }

  /** Adds a tag that says the same as those before it; with the last one needed the label moves. */
  async give(caller: Caller, id: ApprovalId, token: string): Promise<Answer<LabelMoveResult>> {
    const { prompt_id: found, label, seq, version, pos } = await this.find(caller, id);
    const prompt = found as PromptId;
    const tags = await this.moves.check(caller, prompt, label, [token]);
    // guard: vault-approval-same
    if (tags.pos !== pos)
      throw new Problem('envelope_tampered', { detail: 'the tag says something else than those it is added to' });
    return this.ledger.run(caller, async (trx) => {
      // Before anything is looked at: another request that moves this label waits, or has ended.
      await this.moves.hold(trx, caller, prompt);
      this.requireOpen(await this.find(caller, id, trx));
      const { result, moved, given } = await this.moves.take(trx, caller, tags);
      const obj = { approval: id, prompt, label, seq, version, given, moved };
      const event = { act: 'approval.give', obj } as const;
      return moved ? { body: result, event, etag: entityTag(seq) } : { body: result, event, status: 202 };
    });
  }

  /**
   * Ends what waits. Everybody who could have signed it may end it, and so may every author of the name. The given tags
   * stay signed words until they expire; another move of the label makes them useless.
   */
  async drop(caller: Caller, id: ApprovalId): Promise<Answer<undefined>> {
    return this.ledger.run(caller, async (trx) => {
      const { prompt_id: found, name, label, seq, version, state } = await this.find(caller, id, trx);
      const { trust, urn } = caller;
      // guard: vault-approval-drop
      if (!trust.mayAuthor(urn, name) && !trust.mayTag(urn, name, label)) throw new Problem('forbidden');
      if (state === 'done') throw new Problem('label_stale', { detail: 'the label has moved by this approval' });
      if (!(await this.approvals.close(trx, caller.org, id, 'dropped'))) {
        // Somebody was faster: it is dropped, or it is done and the label has moved.
        if ((await this.find(caller, id, trx)).state === 'done') throw new Problem('label_stale');
      }
      const obj = { approval: id, prompt: found as PromptId, label, seq, version };
      return { body: undefined, event: { act: 'approval.drop', obj } };
    });
  }

  /** @throws {Problem} not_found */
  private async find(caller: Caller, id: ApprovalId, source?: VaultSource): Promise<ApprovalRow> {
    const row = await this.approvals.find(caller.org, id, source);
    if (row === undefined) throw new Problem('not_found');
    return row;
  }

  /** @throws {Problem} label_stale, trust_expired */
  private requireOpen({ state, expires_at: end }: ApprovalRow): void {
    if (state === 'done') throw new Problem('label_stale', { detail: 'the label has moved by this approval' });
    // guard: approval-open
    if (state === 'dropped') throw new Problem('label_stale', { detail: 'this approval was dropped' });
    // guard: approval-expired
    if (end <= this.now())
      throw new Problem('trust_expired', {
        detail: 'this approval waited too long: sign the move anew to begin it again',
      });
  }

  private present(trust: Trust, row: ApprovalRow, tags: readonly ApprovalTagRow[]): Approval {
    const { id, prompt_id: prompt, name, label, seq, version, chash } = row;
    const shown = tags.slice(-TAGS_SHOWN);
    return {
      id,
      prompt,
      name,
      label,
      seq,
      version,
      chash,
      tags: shown.map(({ token }) => token),
      signers: shown.map(({ device_urn: urn }) => urn),
      needed: trust.labelRule(name, label).threshold,
      state: row.state === 'open' && row.expires_at <= this.now() ? 'expired' : row.state,
      created_at: row.created_at.toISOString(),
      expires_at: row.expires_at.toISOString(),
    };
  }

  private now(): Date {
    return new Date(this.clock.now() * 1000);
  }
}
