import type { NewPrompt, Prompt, PromptId, PromptQuery } from '@bulla/contract';
import { entityTag, Problem } from '@bulla/contract';
import type { Answer, AuditEntry, Caller } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VaultSource, VaultTransaction } from '../database/vault-database.js';
import { VaultLedger } from '../database/vault-ledger.js';
import { decodeCursor, encodeCursor } from '@bulla/service-kit';
import type { Page } from '@bulla/service-kit';
import { pageOf } from '@bulla/service-kit';
import { KekWraps } from '../managed/keyring/kek-wraps.js';
import { RestoreGuard } from '../restores/restore-guard.js';
import { ApprovalsRepository } from './approvals.repository.js';
import type { LabelPointer } from './labels.repository.js';
import { LabelsRepository } from './labels.repository.js';
import type { PromptRow } from './prompts.repository.js';
import { PromptsRepository } from './prompts.repository.js';

/** Prompts by id and name: who may make, see and delete them. What they say is sealed. */
@Injectable()
export class PromptsService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly prompts: PromptsRepository,
    private readonly labels: LabelsRepository,
    private readonly approvals: ApprovalsRepository,
    private readonly restores: RestoreGuard,
    private readonly wraps: KekWraps,
  ) {}

  create(caller: Caller, prompt: NewPrompt): Promise<Answer<Prompt>> {
    return this.ledger.run(caller, async (trx) => {
      const { row, event } = await this.make(trx, caller, prompt);
      return { body: present(row, []), event, etag: entityTag(0) };
    });
  }

  /**
   * Takes a name for a prompt.
   * @throws {Problem} vault_restored, forbidden, name_taken
   */
  async make(
    trx: VaultTransaction,
    caller: Caller,
    prompt: NewPrompt,
  ): Promise<{ readonly row: PromptRow; readonly event: AuditEntry }> {
    await this.restores.requireUnrestored(trx, caller.org);
    requireAuthor(caller, prompt.name);
    const row = await this.prompts.insert(trx, { ...prompt, org: caller.org });
    if (row === undefined) throw new Problem('name_taken');
    return { row, event: { act: 'prompt.create', obj: { prompt: prompt.id } } };
  }

  async list(caller: Caller, query: PromptQuery): Promise<Answer<Page<Prompt>>> {
    const { prefix, label, status, limit, cursor } = query;
    const after = cursor === undefined ? undefined : decodeCursor(cursor, ['string', 'string']);
    const filter = { org: caller.org, prefix, label, deleted: status === 'deleted', after, limit: limit + 1 };
    const rows = await this.prompts.list(filter);
    const pointers = Map.groupBy(await this.pointersOf(caller.org, rows), (pointer) => pointer.prompt_id);
    return pageOf(rows, {
      limit,
      item: (row) => present(row, pointers.get(row.id) ?? []),
      cursorAfter: ({ name, id }) => encodeCursor([name, id]),
      request: caller.request,
    });
  }

  async get(caller: Caller, id: PromptId): Promise<Prompt> {
    return this.withLabels(await this.find(caller, id));
  }

  async getByName(caller: Caller, name: string): Promise<Prompt> {
    return this.withLabels(await this.findLive(caller, { name }));
  }

  /**
   * Frees the name. Versions, grants and labels stay, for those who must prove something; what the vault itself could read
   * a managed prompt by goes. A second call is no harm.
   */
  async delete(caller: Caller, id: PromptId): Promise<Answer<undefined>> {
    return this.ledger.run(caller, async (trx) => {
      const { name } = await this.find(caller, id, trx);
      // guard: vault-delete-author
      if (!caller.trust.hasRole(caller.urn, 'admin')) requireAuthor(caller, name);
      await this.prompts.markDeleted(trx, caller.org, id);
      await this.approvals.dropOfPrompt(trx, caller.org, id);
      // guard: vault-delete-wraps without: const items: number = 0;
      const items = await this.wraps.deleteOf(trx, caller.org, id);
      const also = items === 0 ? [] : [{ act: 'wrap.delete', obj: { prompt: id, items } } as const];
      return { body: undefined, event: { act: 'prompt.delete', obj: { prompt: id } }, also };
    });
  }

  /**
   * The row of a prompt of the caller's organisation, deleted ones included.
   * @throws {Problem} not_found
   */
  async find(caller: Caller, id: PromptId, source?: VaultSource): Promise<PromptRow> {
    const row = await this.prompts.find(caller.org, id, source);
    if (row === undefined) throw new Problem('not_found');
    return row;
  }

  /**
   * The row of a prompt that is there and not deleted, by id or name.
   * @throws {Problem} not_found
   */
  async findLive(
    { org }: Caller,
    by: { readonly id: PromptId } | { readonly name: string },
    source?: VaultSource,
  ): Promise<PromptRow> {
    const row = await ('id' in by
      ? this.prompts.find(org, by.id, source)
      : this.prompts.findByName(org, by.name, source));
    if (row === undefined || row.deleted_at !== null) throw new Problem('not_found');
    return row;
  }

  private async withLabels(row: PromptRow): Promise<Prompt> {
    const pointers = await this.pointersOf(row.org, [row]);
    return present(
      row,
      pointers.filter(({ prompt_id: id }) => id === row.id),
    );
  }

  /** Where the labels of these prompts' names point; some may point to an earlier prompt that bore the name. */
  private pointersOf(org: string, rows: readonly PromptRow[]): Promise<LabelPointer[]> {
    return this.labels.pointersOf(
      org,
      rows.map(({ name }) => name),
    );
  }
}

/** @throws {Problem} forbidden */
export function requireAuthor({ trust, urn }: Caller, name: string): void {
  // guard: vault-author
  if (!trust.mayAuthor(urn, name))
    throw new Problem('forbidden', { detail: 'you are not among the authors of this name' });
}

/** A prompt as callers see it, with the labels that it bears now. */
function present(row: PromptRow, pointers: readonly LabelPointer[]): Prompt {
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    latest_version: row.latest_version,
    labels: pointers.filter(({ version }) => version > 0).map(({ label, version, seq }) => ({ label, version, seq })),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    deleted_at: row.deleted_at?.toISOString() ?? null,
  };
}
