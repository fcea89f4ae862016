import type {
  AcceptedGrants,
  GrantPage,
  GrantQuery,
  GrantSummary,
  Kid,
  OwnGrant,
  OwnGrantPage,
  OwnGrantQuery,
  PromptId,
} from '@bulla/contract';
import { Problem } from '@bulla/contract';
import { parseGrant } from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultLedger } from '../database/vault-ledger.js';
import type { CheckedGrant, GrantFacts, GrantRow } from '../grants/grants.service.js';
import { GrantsService } from '../grants/grants.service.js';
import { decodeCursor, encodeCursor } from '@bulla/service-kit';
import { pageOf } from '@bulla/service-kit';
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
   * Adds grants to versions of a prompt. The vault cannot try a grant, and one that does not open keeps its key's place:
   * it takes those for others only from who pushed the version, from another device of that person, or from an author of
   * the name who holds one; from any other holder those for keys of the holder's own (protocol.md A5).
   */
  async add(caller: Caller, id: PromptId, tokens: readonly string[]): Promise<Answer<AcceptedGrants>> {
    const byVersion = Map.groupBy(tokens, (token) => parseGrant(token).header.ver);
    return this.ledger.run(caller, async (trx) => {
      const { name } = await this.prompts.findLive(caller, { id }, trx);
      const versions = await this.versions.getFacts(caller, id, [...byVersion.keys()], trx);
      // guard: vault-share-holder without: const holder: ReadonlySet<number> = new Set();
      const holder = await this.requireHolder(trx, caller, id, versions);
      let added = 0;
      const to: { version: number; kid: Kid }[] = [];
      for (const [version, { chash, dek_id: dekId }] of versions) {
        const place = { promptId: id, version, chash, dekId };
        const grants = await this.grants.check(caller.trust, place, byVersion.get(version) ?? []);
        // guard: vault-share-others
        if (holder.has(version) && !caller.trust.mayAuthor(caller.urn, name)) requireOwn(caller, grants);
        added += await this.grants.store(trx, caller, place, grants);
        to.push(...grants.map(({ kid }) => ({ version, kid: kid as Kid })));
      }
      return { body: { added }, event: { act: 'grant.add', obj: { prompt: id, added, to } } };
    });
  }

  async list(caller: Caller, id: PromptId, query: GrantQuery): Promise<Answer<GrantPage>> {
    const after = query.cursor === undefined ? undefined : decodeCursor(query.cursor, ['number', 'string']);
    await this.prompts.find(caller, id);
    const rows = await this.grants.list(caller.org, id, query.version, after, query.limit + 1);
    return pageOf(rows, {
      limit: query.limit,
      item: summarise,
      cursorAfter: ({ version, kid }) => encodeCursor([version, kid]),
      request: caller.request,
    });
  }

  /** The caller's own grants under one of its keys, of all prompts: what a rewrap goes through. */
  async collect(caller: Caller, query: OwnGrantQuery): Promise<Answer<OwnGrantPage>> {
    const { kid, limit, cursor } = query;
    // guard: vault-collect-own
    if (caller.trust.holder(kid)?.urn !== caller.urn) throw new Problem('not_found');
    const after = cursor === undefined ? undefined : decodeCursor(cursor, ['string', 'number']);
    const rows = await this.grants.listOfKey(caller.org, kid, after, limit + 1);
    await this.ledger.read(caller, { act: 'grant.collect', obj: { kid, items: Math.min(rows.length, limit) } });
    return pageOf(rows, {
      limit,
      item: own,
      cursorAfter: ({ prompt_id: prompt, version }) => encodeCursor([prompt, version]),
      request: caller.request,
    });
  }

  /**
   * Takes a grant away: its poster, its recipient, the author of its version or an admin may. Gone already is as good.
   * Where its recipient takes it back, envelopes that were issued with it are still given out (protocol.md A5).
   */
  async delete(caller: Caller, id: PromptId, whash: string): Promise<Answer<undefined>> {
    return this.ledger.run(caller, async (trx) => {
      await this.prompts.find(caller, id, trx);
      const grant = await this.grants.findByHash(caller.org, id, whash, trx);
      // guard: vault-unshare
      if (grant !== undefined && !(await this.mayDelete(trx, caller, id, grant))) throw new Problem('forbidden');
      // guard: vault-retire
      if (grant !== undefined && grant.aud === caller.urn) await this.grants.retire(trx, grant);
      await this.grants.delete(trx, caller.org, id, whash);
      return { body: undefined, event: { act: 'grant.delete', obj: { prompt: id, whash } } };
    });
  }

  /** @returns the versions that the caller may share as a holder only: somebody else pushed them */
  private async requireHolder(
    trx: VaultTransaction,
    caller: Caller,
    id: PromptId,
    versions: ReadonlyMap<number, { readonly author_urn: string }>,
  ): Promise<ReadonlySet<number>> {
    const foreign = [...versions].filter(([, row]) => !isOwn(caller, row.author_urn)).map(([version]) => version);
    if (foreign.length === 0) return new Set();
    const held = new Set((await this.grants.findOwn(caller, id, foreign, trx)).map(({ version }) => version));
    if (!foreign.every((version) => held.has(version))) {
      throw new Problem('forbidden', { detail: 'you hold no grant of this version yourself' });
    }
    return new Set(foreign);
  }

  private async mayDelete(trx: VaultTransaction, caller: Caller, id: PromptId, grant: GrantRow): Promise<boolean> {
    const { trust, urn } = caller;
    // The holder of the key, not the key: a holder who renewed the key is still the poster.
    if (trust.hasRole(urn, 'admin') || trust.holder(grant.poster_kid)?.urn === urn) return true;
    // One that does not open would keep the place of one that does.
    // guard: vault-unshare-own
    if (grant.aud === urn) return true;
    const versions = await this.versions.getFacts(caller, id, [grant.version], trx);
    return versions.get(grant.version)?.author_urn === urn;
  }
}

/** Whether a device is the caller's, or another of the same person. */
function isOwn({ urn, user, trust }: Caller, other: string): boolean {
  return other === urn || (user !== undefined && trust.userOf(other) === user);
}

function requireOwn(caller: Caller, grants: readonly CheckedGrant[]): void {
  if (grants.every(({ aud }) => isOwn(caller, aud))) return;
  throw new Problem('forbidden', { detail: 'you may share this version with devices of your own only' });
}

function summarise({ whash, version, kid, aud }: GrantFacts): GrantSummary {
  return { whash, version, kid, aud };
}

function own({ prompt_id: prompt, version, kid, whash, token: grant }: GrantRow): OwnGrant {
  return { prompt, version, kid, whash, grant };
}
