import type { AcceptedVersion, NewVersion, PromptId, SealedVersion, VersionQuery, VersionSummary } from '@bulla/contract';
import { entityTag, Problem } from '@bulla/contract';
import { parseContent, tokenHash, urnOf } from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { VaultLedger } from '../database/vault-ledger.js';
import { GrantsService } from '../grants/grants.service.js';
import { decodeCursor, encodeCursor } from '../paging/cursor.js';
import type { Page } from '../paging/page.js';
import { nextLink, pageOf } from '../paging/page.js';
import { PromptsRepository } from './prompts.repository.js';
import { PromptsService } from './prompts.service.js';
import type { VersionRow } from './versions.repository.js';
import { VersionsRepository } from './versions.repository.js';

/** Versions of prompts: sealed contents that never change, numbered without a gap. */
@Injectable()
export class VersionsService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly room: PromptsService,
    private readonly prompts: PromptsRepository,
    private readonly versions: VersionsRepository,
    private readonly grants: GrantsService,
  ) {}

  /**
   * Stores the version after the newest. The vault cannot read it; it checks that content and grants are for this
   * place and that the author keeps a grant of their own.
   */
  async create(caller: Caller, id: PromptId, newest: number, sent: NewVersion): Promise<Answer<AcceptedVersion>> {
    const prompt = await this.room.findLive(caller, { id });
    if (!caller.trust.mayAuthor(caller.urn, prompt.name)) throw new Problem('forbidden', { detail: 'you are not among the authors of this name' });
    const version = newest + 1;
    const { header } = parseContent(sent.content);
    if (header.org !== caller.org || header.sub !== urnOf(caller.org, 'prompt', id)) {
      throw new Problem('envelope_tampered', { detail: 'the content is for another prompt' });
    }
    if (header.ver !== version) throw new Problem('version_conflict', { detail: 'the content is for another version than the one after If-Match' });
    const place = { promptId: id, version, chash: await tokenHash(sent.content), dekId: header.kid };
    const grants = await this.grants.check(caller.trust, place, sent.grants);
    if (!grants.some(({ aud }) => aud === caller.urn)) throw new Problem('validation_failed', { detail: 'one grant must be for the device that sends the version' });
    return this.ledger.run(caller, async (trx) => {
      if (!(await this.prompts.claimVersion(trx, caller.org, id, version))) throw new Problem('version_conflict');
      const { chash, dekId } = place;
      const row = { prompt_id: id, version, org: caller.org, chash, content: sent.content, dek_id: dekId, author_kid: caller.kid, author_urn: caller.urn };
      if (!(await this.versions.insert(trx, row))) throw new Problem('version_conflict');
      await this.grants.store(trx, caller, place, grants);
      return { body: { version, chash }, event: { act: 'version.create', obj: { prompt: id, version, chash, grants: grants.length } }, etag: entityTag(version) };
    });
  }

  async list(caller: Caller, id: PromptId, query: VersionQuery): Promise<Answer<Page<VersionSummary>>> {
    await this.room.find(caller, id);
    const before = query.cursor === undefined ? undefined : decodeCursor(query.cursor, ['number'] as const)[0];
    const rows = await this.versions.list(caller.org, id, before, query.limit + 1);
    return pageOf(rows, query.limit, summarise, (row) => encodeCursor([row.version]), nextLink(caller.request));
  }

  /** The sealed content with the caller's own grant. That it was handed out is written down first. */
  async read(caller: Caller, id: PromptId, version: number): Promise<SealedVersion> {
    const row = await this.get(caller, id, version);
    const grant = await this.grants.findOwn(caller, id, version);
    await this.ledger.read(caller, { act: 'version.get', obj: { prompt: id, version, granted: grant !== undefined } });
    return { ...summarise(row), content: row.content, grant: grant?.token ?? null };
  }

  /**
   * One stored version.
   * @throws {Problem} not_found
   */
  async get(caller: Caller, id: PromptId, version: number): Promise<VersionRow> {
    const row = await this.versions.find(caller.org, id, version);
    if (row === undefined) throw new Problem('not_found');
    return row;
  }
}

function summarise(row: Omit<VersionRow, 'content'>): VersionSummary {
  return { version: row.version, chash: row.chash, author: { urn: row.author_urn, kid: row.author_kid }, created_at: row.created_at.toISOString() };
}
