import type { AcceptedGrants, GrantPage, GrantQuery, GrantSummary, OwnGrant, OwnGrantPage, OwnGrantQuery, PromptId } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import { parseGrant } from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { VaultLedger } from '../database/vault-ledger.js';
import type { GrantRow } from '../grants/grants.repository.js';
import { GrantsService } from '../grants/grants.service.js';
import { decodeCursor, encodeCursor } from '../paging/cursor.js';
import { nextLink, pageOf } from '../paging/page.js';
import { PromptsService } from '../prompts/prompts.service.js';
import { VersionsService } from '../prompts/versions.service.js';

/** Who may open what later: adding grants, moving one's own to a new key, taking grants away. */
@Injectable()
export class SharingService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly prompts: PromptsService,
    private readonly versions: VersionsService,
    private readonly grants: GrantsService,
  ) {}

  /**
   * Adds grants to versions of a prompt. The vault cannot try a grant, so it takes them only from the version's author
   * or from a caller for whom it holds one (protocol.md §2.5, Share).
   */
  async add(caller: Caller, id: PromptId, tokens: readonly string[]): Promise<Answer<AcceptedGrants>> {
    await this.prompts.findLive(caller, { id });
    const byVersion = Map.groupBy(tokens, (token) => parseGrant(token).header.ver);
    const additions = await Promise.all(
      [...byVersion].map(async ([version, ofVersion]) => {
        const { chash, dek_id: dekId, author_urn: author } = await this.versions.get(caller, id, version);
        if (author !== caller.urn && (await this.grants.findOwn(caller, id, version)) === undefined) {
          throw new Problem('forbidden', { detail: 'you hold no grant of this version yourself' });
        }
        const place = { promptId: id, version, chash, dekId };
        return { place, grants: await this.grants.check(caller.trust, place, ofVersion) };
      }),
    );
    return this.ledger.run(caller, async (trx) => {
      let added = 0;
      for (const { place, grants } of additions) added += await this.grants.store(trx, caller, place, grants);
      return { body: { added }, event: { act: 'grant.add', obj: { prompt: id, added } } };
    });
  }

  async list(caller: Caller, id: PromptId, query: GrantQuery): Promise<Answer<GrantPage>> {
    await this.prompts.find(caller, id);
    const place = query.cursor === undefined ? undefined : decodeCursor(query.cursor, ['number', 'string'] as const);
    const after = place === undefined ? undefined : { version: place[0], kid: place[1] };
    const rows = await this.grants.list(caller.org, id, query.version, after, query.limit + 1);
    return pageOf(rows, query.limit, summarise, (row) => encodeCursor([row.version, row.kid]), nextLink(caller.request));
  }

  /** The caller's own grants under one of its keys, of all prompts: what a rewrap goes through. */
  async collect(caller: Caller, query: OwnGrantQuery): Promise<Answer<OwnGrantPage>> {
    if (caller.trust.holder(query.kid)?.urn !== caller.urn) throw new Problem('not_found');
    const place = query.cursor === undefined ? undefined : decodeCursor(query.cursor, ['string', 'number'] as const);
    const after = place === undefined ? undefined : { promptId: place[0], version: place[1] };
    const rows = await this.grants.listOfKey(caller.org, query.kid, after, query.limit + 1);
    await this.ledger.read(caller, { act: 'grant.collect', obj: { kid: query.kid, items: Math.min(rows.length, query.limit) } });
    return pageOf(rows, query.limit, own, (row) => encodeCursor([row.prompt_id, row.version]), nextLink(caller.request));
  }

  /** Takes a grant away: its poster, the author of its version or an admin may. Gone already is as good. */
  async delete(caller: Caller, id: PromptId, whash: string): Promise<Answer<undefined>> {
    await this.prompts.find(caller, id);
    const grant = await this.grants.findByHash(caller.org, id, whash);
    if (grant !== undefined && !(await this.mayDelete(caller, id, grant))) throw new Problem('forbidden');
    return this.ledger.run(caller, async (trx) => {
      await this.grants.delete(trx, caller.org, id, whash);
      return { body: undefined, event: { act: 'grant.delete', obj: { prompt: id, whash } } };
    });
  }

  private async mayDelete(caller: Caller, id: PromptId, grant: GrantRow): Promise<boolean> {
    if (caller.trust.hasRole(caller.urn, 'admin') || grant.poster_kid === caller.kid) return true;
    return (await this.versions.get(caller, id, grant.version)).author_urn === caller.urn;
  }
}

function summarise({ whash, version, kid, aud }: GrantRow): GrantSummary {
  return { whash, version, kid, aud };
}

function own({ prompt_id: prompt, version, kid, whash, token: grant }: GrantRow): OwnGrant {
  return { prompt, version, kid, whash, grant };
}
