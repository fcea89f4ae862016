import type { LabelMoveResult, PromptId } from '@bulla/contract';
import { LABELS_MAX, Problem } from '@bulla/contract';
import type { GatheredTags } from '@bulla/crypto';
import { CryptoError, gatherTags, mintId, parseTag, urnOf } from '@bulla/crypto';
import type { AuditEntry, Caller } from '@bulla/service-kit';
import { Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VaultTransaction } from '../database/vault-database.js';
import type { ApprovalRow, ApprovalTagRow } from './approvals.repository.js';
import { ApprovalsRepository } from './approvals.repository.js';
import { LabelTagsRepository } from './label-tags.repository.js';
import { RestoreGuard } from '../restores/restore-guard.js';
import type { LabelRow } from './labels.repository.js';
import { LabelsRepository } from './labels.repository.js';
import { PromptsRepository } from './prompts.repository.js';
import { VersionsRepository } from './versions.repository.js';

/** What came of tags: the label moved, or waits in an approval for further people. */
export interface MoveOutcome {
  readonly result: LabelMoveResult;
  readonly moved: boolean;
  /** Of the move, if it waits or had waited. */
  readonly approval: string | undefined;
  /** How many people have signed. */
  readonly given: number;
}

/** Tags verified, and the prompt that they are for. */
export interface CheckedTags extends GatheredTags {
  readonly promptId: PromptId;
  readonly tokens: readonly string[];
}

/** The one way by which labels move: with the tags of as many people as the policy asks for, judged at that moment. */
@Injectable()
export class LabelMoves {
  constructor(
    private readonly clock: Clock,
    private readonly prompts: PromptsRepository,
    private readonly labels: LabelsRepository,
    private readonly tags: LabelTagsRepository,
    private readonly versions: VersionsRepository,
    private readonly approvals: ApprovalsRepository,
    private readonly restores: RestoreGuard,
  ) {}

  /**
   * The same checks that clients make, so that nothing is stored that they would refuse; but for how many signed.
   * @throws {Problem} envelope_tampered; {CryptoError} as gatherTags
   */
  async check({ trust }: Caller, promptId: PromptId, label: string, tokens: readonly string[]): Promise<CheckedTags> {
    const { name, sub } = parseTag(tokens[0] ?? '').claims;
    // guard: vault-label-prompt
    if (sub !== urnOf(trust.org, 'prompt', promptId)) {
      throw new Problem('envelope_tampered', { detail: 'the tags are for another prompt' });
    }
    const gathered = await gatherTags(tokens, { trust, name, label, now: this.clock.now() });
    return { ...gathered, promptId, tokens };
  }

  /**
   * Moves the label if enough people have signed, those who did so before included; else keeps their tags. The prompt is
   * held until the transaction ends, so that of two who come together the second sees the first.
   * @throws {Problem} vault_restored; not_found, label_stale, envelope_tampered, validation_failed
   */
  async take(trx: VaultTransaction, caller: Caller, tags: CheckedTags): Promise<MoveOutcome> {
    await this.restores.requireUnrestored(trx, caller.org);
    await this.requireMovable(trx, caller, tags);
    const target = targetOf(caller, tags);
    // guard: vault-label-enough without: if (true)
    if (tags.given >= tags.needed) {
      const waiting = await this.approvals.findOpen(trx, target);
      return this.move(trx, caller, tags, tags.tokens, waiting?.id);
    }
    const approval = await this.gather(trx, caller, tags);
    const stored = await this.approvals.tagsOf(caller.org, [approval.id], trx);
    const good = await this.stillGood(caller, tags, stored);
    if (good.length >= tags.needed) return this.move(trx, caller, tags, good.slice(0, tags.needed), approval.id);
    const { label, seq, version, needed } = tags;
    const result = { approval: approval.id, label, seq, version, given: good.length, needed };
    return { result, moved: false, approval: approval.id, given: good.length };
  }

  /** The next position of the label; whatever else waited for this label has come too late. */
  private async move(
    trx: VaultTransaction,
    caller: Caller,
    tags: CheckedTags,
    tokens: readonly string[],
    approval: string | undefined,
  ): Promise<MoveOutcome> {
    const { org, trust } = caller;
    const { name, label, seq, version, chash, pos, prev, promptId } = tags;
    const { given, needed } = await gatherTags(tokens, { trust, name, label, now: this.clock.now() });
    if (given < needed) throw new Problem('internal');
    const before = prev === '' ? null : prev;
    const row = { org, name, label, seq, prompt_id: promptId, version, chash, pos, prev: before };
    if (!(await this.labels.insert(trx, row))) {
      throw new Problem('label_stale', { detail: 'the tags do not follow the position at which the label stands' });
    }
    await this.tags.insert(trx, row, tokens);
    if (approval !== undefined) await this.approvals.close(trx, org, approval, 'done');
    await this.approvals.dropOf(trx, org, name, label);
    return { result: { label, seq, version }, moved: true, approval, given };
  }

  /** Adds tags to the open approval of their move, which is made where there is none. */
  private async gather(trx: VaultTransaction, caller: Caller, tags: CheckedTags): Promise<ApprovalRow> {
    const { org, trust } = caller;
    const target = targetOf(caller, tags);
    const first = Math.min(...tags.tokens.map((token) => parseTag(token).claims.iat));
    const until = new Date((first + trust.pendingSeconds) * 1000);
    const now = new Date(this.clock.now() * 1000);
    // guard: vault-approval-late
    if (until <= now) throw new Problem('trust_expired', { detail: 'a move waits for others no longer than this' });
    // What has waited long enough begins anew: the tags that it had do not count for it.
    // guard: vault-approval-restart
    await this.approvals.dropEnded(trx, target, now);
    await this.approvals.insert(trx, { ...target, id: mintId('apr', this.clock.nowMs()), expires_at: until });
    const approval = await this.approvals.findOpen(trx, target);
    // The prompt is held, so nobody else ends it meanwhile.
    if (approval === undefined) throw new Problem('internal');
    for (const token of tags.tokens) {
      const device_urn = parseTag(token).claims.iss;
      const user_urn = trust.userOf(device_urn) ?? '';
      await this.approvals.putTag(trx, { approval_id: approval.id, user_urn, org, device_urn, token });
    }
    return approval;
  }

  /**
   * Those of stored tags that count now, one of each person: since they were given they may have expired, and their
   * signers may have lost their keys or their groups.
   */
  private async stillGood(caller: Caller, target: CheckedTags, stored: readonly ApprovalTagRow[]): Promise<string[]> {
    const { trust } = caller;
    const { name, label } = target;
    const byUser = new Map<string, string>();
    for (const { token } of stored) {
      try {
        // guard: vault-approval-good without: const signers = [parseTag(token).claims.iss];
        const { signers } = await gatherTags([token], { trust, name, label, now: this.clock.now() });
        byUser.set(trust.userOf(signers[0] ?? '') ?? '', token);
      } catch (error) {
        if (!(error instanceof CryptoError)) throw error;
      }
    }
    return [...byUser.values()];
  }

  /**
   * Adds a person's tag to the position at which a label stands: the label points where it did, and does so longer.
   * @throws {Problem} not_found; label_stale if it stands elsewhere; label_not_found if it is deleted
   */
  async confirm(trx: VaultTransaction, caller: Caller, tag: CheckedTags): Promise<LabelRow> {
    await this.restores.requireUnrestored(trx, caller.org);
    await this.hold(trx, caller, tag.promptId);
    const newest = await this.labels.newest(caller.org, tag.name, tag.label, trx);
    // guard: vault-confirm-position
    if (newest?.pos !== tag.pos) {
      throw new Problem('label_stale', { detail: 'the tag is not for the position at which the label stands' });
    }
    // guard: vault-confirm-deleted
    if (newest.version === 0) throw new Problem('label_not_found', { detail: 'the label is deleted' });
    await this.tags.insert(trx, newest, tag.tokens);
    return newest;
  }

  /**
   * Holds a prompt until the transaction ends: its labels move one after the other.
   * @throws {Problem} not_found if it is deleted
   */
  async hold(trx: VaultTransaction, { org }: Caller, promptId: PromptId): Promise<void> {
    if (!(await this.prompts.touch(trx, org, promptId))) throw new Problem('not_found');
  }

  /** Checks a target against what is stored. */
  private async requireMovable(trx: VaultTransaction, caller: Caller, target: CheckedTags): Promise<void> {
    const { org } = caller;
    const { promptId: id, name, label, seq } = target;
    await this.hold(trx, caller, id);
    const prompt = await this.prompts.find(org, id, trx);
    // guard: vault-label-name
    if (prompt?.name !== name) throw new Problem('envelope_tampered', { detail: 'the tags are for another name' });
    const newest = await this.labels.newest(org, name, label, trx);
    // guard: vault-label-newest
    if (seq !== (newest?.seq ?? 0) + 1) throw new Problem('label_stale');
    // guard: vault-label-many
    if (newest === undefined && (await this.labels.count(trx, org, name)) >= LABELS_MAX) {
      throw new Problem('validation_failed', { detail: `a name has at most ${LABELS_MAX} labels` });
    }
    if (target.version === 0) return;
    const [version] = await this.versions.findFacts(org, id, [target.version], trx);
    // guard: vault-label-content
    if (version?.chash !== target.chash) {
      throw new Problem('envelope_tampered', { detail: 'the tags name a content that this version does not have' });
    }
  }
}

/** What the audit log says of a move. */
export function moveEvent(
  prompt: PromptId,
  { label, seq, version }: CheckedTags,
  { approval, given }: MoveOutcome,
): AuditEntry {
  const waited = approval === undefined ? {} : { approval, given };
  return { act: 'label.move', obj: { prompt, label, seq, version, ...waited } };
}

function targetOf({ org }: Caller, { promptId, name, label, seq, version, chash, pos }: CheckedTags) {
  return { org, prompt_id: promptId, name, label, seq, version, chash, pos };
}
