import type { LabelList, LabelPosition, MovedLabel, PromptId } from '@bulla/contract';
import { entityTag, LABELS_MAX, Problem } from '@bulla/contract';
import type { ResolvedTag } from '@bulla/crypto';
import { CryptoError, parseTag, urnOf, verifyTags } from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import { Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VaultSource, VaultTransaction } from '../database/vault-database.js';
import { VaultLedger } from '../database/vault-ledger.js';
import type { LabelRow } from './labels.repository.js';
import { LabelsRepository } from './labels.repository.js';
import { PromptsRepository } from './prompts.repository.js';
import { PromptsService } from './prompts.service.js';
import { VersionsRepository } from './versions.repository.js';

/** Where tags want a label to be; version 0 deletes it. */
type Target = Pick<ResolvedTag, 'name' | 'label' | 'version' | 'chash' | 'seq'>;

/** Labels: where they point is signed by people, so the vault can keep them and cannot move them. */
@Injectable()
export class LabelsService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly clock: Clock,
    private readonly room: PromptsService,
    private readonly prompts: PromptsRepository,
    private readonly labels: LabelsRepository,
    private readonly versions: VersionsRepository,
  ) {}

  /** Takes the next position of a label if its tags are what every client will accept; version 0 deletes it. */
  async move(
    caller: Caller,
    id: PromptId,
    label: string,
    newest: number,
    tags: readonly string[],
  ): Promise<Answer<MovedLabel>> {
    const target = await this.check(caller, id, label, tags);
    if (target.seq !== newest + 1) {
      throw new Problem('label_stale', { detail: 'the tags do not say the position after the one in If-Match' });
    }
    return this.ledger.run(caller, async (trx) => {
      await this.requireMovable(trx, caller, id, target);
      const { seq, version } = target;
      const row = { org: caller.org, name: target.name, label, seq, prompt_id: id, version, tokens: [...tags] };
      if (!(await this.labels.insert(trx, row))) throw new Problem('label_stale');
      const body = { label, seq, version };
      return { body, event: { act: 'label.move', obj: { prompt: id, ...body } }, etag: entityTag(seq) };
    });
  }

  /** The labels that a prompt bears now. */
  async list(caller: Caller, id: PromptId): Promise<LabelList> {
    const { name } = await this.room.find(caller, id);
    const rows = await this.labels.newestOfName(caller.org, name);
    return { data: rows.filter((row) => row.prompt_id === id && row.version > 0).map(present) };
  }

  /**
   * One label of the prompt's name: a deleted one too, and one that an earlier prompt of this name left, with the tags
   * that say so. Its position is needed to set it again.
   */
  async get(caller: Caller, id: PromptId, label: string): Promise<LabelPosition> {
    const { name } = await this.room.find(caller, id);
    const row = await this.labels.newest(caller.org, name, label);
    if (row === undefined) throw new Problem('label_not_found');
    return present(row);
  }

  /**
   * Where a label of a prompt points now.
   * @throws {Problem} label_not_found
   */
  async resolve(
    caller: Caller,
    prompt: { readonly id: string; readonly name: string },
    label: string,
    source: VaultSource,
  ): Promise<LabelRow> {
    const row = await this.labels.newest(caller.org, prompt.name, label, source);
    if (row === undefined || row.version === 0 || row.prompt_id !== prompt.id) throw new Problem('label_not_found');
    return row;
  }

  /** The same checks that clients make, so that nothing is stored that they would refuse. */
  private async check({ trust }: Caller, id: PromptId, label: string, tags: readonly string[]): Promise<Target> {
    const { name, sub, seq } = parseTag(tags[0] ?? '').claims;
    if (sub !== urnOf(trust.org, 'prompt', id)) {
      throw new Problem('envelope_tampered', { detail: 'the tags are for another prompt' });
    }
    try {
      return await verifyTags(tags, { trust, name, label, now: this.clock.now() });
    } catch (error) {
      // The last of its checks, after the tags were found good and equal: they delete the label.
      if (error instanceof CryptoError && error.check === 'tag-deleted')
        return { name, label, seq, version: 0, chash: '' };
      throw error;
    }
  }

  /** Checks a target against what is stored; the prompt is held until the transaction ends. */
  private async requireMovable(trx: VaultTransaction, caller: Caller, id: PromptId, target: Target): Promise<void> {
    const { org } = caller;
    const prompt = await this.room.findLive(caller, { id }, trx);
    if (!(await this.prompts.touch(trx, org, id))) throw new Problem('not_found');
    if (target.name !== prompt.name)
      throw new Problem('envelope_tampered', { detail: 'the tags are for another name' });
    const newest = await this.labels.newest(org, prompt.name, target.label, trx);
    if (target.seq !== (newest?.seq ?? 0) + 1) throw new Problem('label_stale');
    if (newest === undefined && (await this.labels.count(trx, org, prompt.name)) >= LABELS_MAX) {
      throw new Problem('validation_failed', { detail: `a name has at most ${LABELS_MAX} labels` });
    }
    if (target.version === 0) return;
    const [version] = await this.versions.findFacts(org, id, [target.version], trx);
    if (version?.chash !== target.chash) {
      throw new Problem('envelope_tampered', { detail: 'the tags name a content that this version does not have' });
    }
  }
}

function present({ label, version, seq, tokens }: LabelRow): LabelPosition {
  return { label, version, seq, tags: tokens };
}
