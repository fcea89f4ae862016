import type { NewPrompt, Prompt, PromptId, PromptQuery } from '@bulla/contract';
import { entityTag, Problem } from '@bulla/contract';
import type { Answer, Caller } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { VaultLedger } from '../database/vault-ledger.js';
import { decodeCursor, encodeCursor } from '../paging/cursor.js';
import type { Page } from '../paging/page.js';
import { nextLink, pageOf } from '../paging/page.js';
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
  ) {}

  create(caller: Caller, prompt: NewPrompt): Promise<Answer<Prompt>> {
    if (!caller.trust.mayAuthor(caller.urn, prompt.name)) throw new Problem('forbidden', { detail: 'you are not among the authors of this name' });
    if (caller.trust.custodyOf(prompt.name) !== 'sealed') throw new Problem('custody_not_allowed');
    return this.ledger.run(caller, async (trx) => {
      const row = await this.prompts.insert(trx, { ...prompt, org: caller.org });
      if (row === undefined) throw new Problem('name_taken');
      return { body: present(row, []), event: { act: 'prompt.create', obj: { prompt: prompt.id } }, etag: entityTag(0) };
    });
  }

  async list(caller: Caller, query: PromptQuery): Promise<Answer<Page<Prompt>>> {
    const after = query.cursor === undefined ? undefined : decodeCursor(query.cursor, ['string', 'string'] as const);
    const filter = { org: caller.org, prefix: query.prefix, label: query.label, deleted: query.status === 'deleted', after, limit: query.limit + 1 };
    const rows = await this.prompts.list(filter);
    const labels = await this.labelsOf(caller.org, rows);
    return pageOf(rows, query.limit, (row) => present(row, labels), (row) => encodeCursor([row.name, row.id]), nextLink(caller.request));
  }

  async get(caller: Caller, id: PromptId): Promise<Prompt> {
    const row = await this.prompts.find(caller.org, id);
    if (row === undefined) throw new Problem('not_found');
    return present(row, await this.labelsOf(caller.org, [row]));
  }

  async getByName(caller: Caller, name: string): Promise<Prompt> {
    const row = await this.prompts.findByName(caller.org, name);
    if (row === undefined) throw new Problem('not_found');
    return present(row, await this.labelsOf(caller.org, [row]));
  }

  /** Frees the name; versions, grants and labels stay for whoever must prove something. Twice is as good as once. */
  async delete(caller: Caller, id: PromptId): Promise<Answer<undefined>> {
    const { name } = await this.find(caller, id);
    if (!caller.trust.hasRole(caller.urn, 'admin') && !caller.trust.mayAuthor(caller.urn, name)) {
      throw new Problem('forbidden', { detail: 'you are not among the authors of this name' });
    }
    return this.ledger.run(caller, async (trx) => {
      await this.prompts.markDeleted(trx, caller.org, id);
      return { body: undefined, event: { act: 'prompt.delete', obj: { prompt: id } } };
    });
  }

  /**
   * The row of a prompt of the caller's organisation, deleted ones included.
   * @throws {Problem} not_found
   */
  async find(caller: Caller, id: PromptId): Promise<PromptRow> {
    const row = await this.prompts.find(caller.org, id);
    if (row === undefined) throw new Problem('not_found');
    return row;
  }

  /**
   * The row of a prompt that is there and not deleted, by id or name.
   * @throws {Problem} not_found
   */
  async findLive(caller: Caller, by: { readonly id: PromptId } | { readonly name: string }): Promise<PromptRow> {
    const row = 'id' in by ? await this.prompts.find(caller.org, by.id) : await this.prompts.findByName(caller.org, by.name);
    if (row === undefined || row.deleted_at !== null) throw new Problem('not_found');
    return row;
  }

  private labelsOf(org: string, rows: readonly PromptRow[]) {
    return this.labels.newestOf(
      org,
      rows.map(({ name }) => name),
    );
  }
}

type Pointer = { readonly name: string; readonly prompt_id: string; readonly label: string; readonly version: number; readonly seq: number };

/** A prompt as callers see it. A name's labels may be those of an earlier prompt that bore it: they are not shown. */
function present(row: PromptRow, labels: readonly Pointer[]): Prompt {
  const own = labels.filter((one) => one.prompt_id === row.id && one.version > 0);
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    latest_version: row.latest_version,
    labels: own.map(({ label, version, seq }) => ({ label, version, seq })),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    deleted_at: row.deleted_at?.toISOString() ?? null,
  };
}
