import type { LabelList, LabelPosition, MovedLabel, PromptId } from '@bulla/contract';
import { entityTag, Problem } from '@bulla/contract';
import { CryptoError, parseTag, urnOf, verifyTags } from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import { Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { VaultLedger } from '../database/vault-ledger.js';
import type { LabelRow } from './labels.repository.js';
import { LabelsRepository } from './labels.repository.js';
import { PromptsService } from './prompts.service.js';
import { VersionsRepository } from './versions.repository.js';

/** Labels: where they point is signed by people, so the vault can keep them and cannot move them. */
@Injectable()
export class LabelsService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly clock: Clock,
    private readonly room: PromptsService,
    private readonly labels: LabelsRepository,
    private readonly versions: VersionsRepository,
  ) {}

  /** Takes the next position of a label if its tags are what every client will accept; version 0 deletes it. */
  async move(caller: Caller, id: PromptId, label: string, newest: number, tags: readonly string[]): Promise<Answer<MovedLabel>> {
    const prompt = await this.room.findLive(caller, { id });
    const target = await this.check(caller, prompt, label, tags);
    if (target.seq !== newest + 1) throw new Problem('label_stale', { detail: 'the tags do not say the position after the one in If-Match' });
    if (target.version > 0) {
      const version = await this.versions.find(caller.org, id, target.version);
      if (version?.chash !== target.chash) throw new Problem('envelope_tampered', { detail: 'the tags name a content that this version does not have' });
    }
    return this.ledger.run(caller, async (trx) => {
      const row = { org: caller.org, name: prompt.name, label, seq: target.seq, prompt_id: id, version: target.version, tokens: tags };
      if (!(await this.labels.insert(trx, row))) throw new Problem('label_stale');
      const body = { label, seq: target.seq, version: target.version };
      return { body, event: { act: 'label.move', obj: { prompt: id, ...body } }, etag: entityTag(target.seq) };
    });
  }

  /** The labels that a prompt bears now. */
  async list(caller: Caller, id: PromptId): Promise<LabelList> {
    const { name } = await this.room.find(caller, id);
    const rows = await this.labels.newestOf(caller.org, [name]);
    return { data: rows.filter((row) => row.prompt_id === id && row.version > 0).map(present) };
  }

  /** One label; a deleted one too, with the tags that say so: its position is needed to set it again. */
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
  async resolve(caller: Caller, prompt: { readonly id: string; readonly name: string }, label: string): Promise<LabelRow> {
    const row = await this.labels.newest(caller.org, prompt.name, label);
    if (row === undefined || row.version === 0 || row.prompt_id !== prompt.id) throw new Problem('label_not_found');
    return row;
  }

  /** The same checks that clients make, so that nothing is stored that they would refuse. */
  private async check(caller: Caller, prompt: { readonly id: string; readonly name: string }, label: string, tags: readonly string[]) {
    const { trust } = caller;
    const first = parseTag(tags[0] ?? '').claims;
    if (first.sub !== urnOf(caller.org, 'prompt', prompt.id)) throw new Problem('envelope_tampered', { detail: 'the tags are for another prompt' });
    const expected = { trust, name: prompt.name, label, now: this.clock.now() };
    try {
      return await verifyTags(tags, expected);
    } catch (error) {
      // The last of its checks, after the tags were found good and equal: they delete the label.
      if (error instanceof CryptoError && error.check === 'tag-deleted') return { seq: first.seq, version: 0, chash: '' };
      throw error;
    }
  }
}

function present({ label, version, seq, tokens }: LabelRow): LabelPosition {
  return { label, version, seq, tags: tokens };
}
