import type {
  AcceptedGrants,
  GrantDeletion,
  GrantPage,
  GrantQuery,
  GrantSummary,
  Kid,
  PromptId,
  UnfitGrant,
  UnfitGrantClearing,
  UnfitGrantPage,
  UnfitGrantQuery,
} from '@bulla/contract';
import { Problem } from '@bulla/contract';
import { parseGrant } from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VersionPlace } from '../database/types.js';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultLedger } from '../database/vault-ledger.js';
import type { CheckedGrant, GrantFacts, GrantRow, PostedGrant, UnfitGrantRow } from '../grants/grants.service.js';
import { grantedVersion, GrantsService } from '../grants/grants.service.js';
import { decodeCursor, encodeCursor } from '@bulla/service-kit';
import { pageOf } from '@bulla/service-kit';
import { isOwn } from './own-keys.js';
import { PromptsService } from '../prompts/prompts.service.js';
import { VersionsService } from '../prompts/versions.service.js';

const BARRED =
  'a grant that you posted for this key did not give the key of the version: another holder gives it, or an admin clears it';

/** Who may open what later: adding grants for others, and taking grants away. */
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
   * it takes them only from who pushed the version, from another device of that person, or from an author of the name who
   * holds one (protocol.md A5). What a holder may do for keys of its own is MovingService's.
   */
  async add(caller: Caller, id: PromptId, tokens: readonly string[]): Promise<Answer<AcceptedGrants>> {
    const byVersion = Map.groupBy(tokens, (token) => parseGrant(token).header.ver);
    return this.ledger.run(caller, async (trx) => {
      const { name } = await this.prompts.findLive(caller, { id }, trx);
      const versions = await this.versions.getFacts(caller, id, [...byVersion.keys()], trx);
      // guard: vault-share-holder
      await this.requireAuthorOrHolder(trx, caller, id, name, versions);
      const checked: (CheckedGrant & VersionPlace)[] = [];
      const to: { version: number; kid: Kid }[] = [];
      for (const [version, facts] of versions) {
        const place = grantedVersion(id, facts);
        const grants = await this.grants.check(caller.trust, place, byVersion.get(version) ?? []);
        checked.push(...grants.map((grant) => ({ ...grant, promptId: id, version })));
        to.push(...grants.map(({ kid }) => ({ version, kid: kid as Kid })));
      }
      const { added: stored, barred } = await this.grants.store(trx, caller, checked);
      // guard: vault-share-barred
      if (barred.size > 0) throw new Problem('forbidden', { detail: BARRED });
      const added = stored.size;
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

  /**
   * Takes a grant away: its poster, its recipient, the author of its version or an admin may. Gone already is as good.
   * Where its recipient takes it back, envelopes that were issued with it are still given out (protocol.md A5). Where it is
   * unfit, each who posted it can give that key that version no more, also if they took it away first (protocol.md A16).
   */
  async delete(
    caller: Caller,
    id: PromptId,
    whash: string,
    { because }: GrantDeletion = {},
  ): Promise<Answer<undefined>> {
    return this.ledger.run(caller, async (trx) => {
      await this.prompts.find(caller, id, trx);
      let found = await this.findDeletable(trx, caller, id, whash, because);
      // Nobody waits for a word that says nothing, or that is not the caller's to say.
      // guard: vault-unfit-there without: if (because === 'unfit')
      if (found.posted.length > 0) {
        // Nobody posts another before it is settled who may.
        // guard: vault-unfit-held
        await this.grants.holdPosts(trx, caller.org);
        // Somebody may have posted it anew while this waited.
        // guard: vault-unfit-looked-again
        found = await this.findDeletable(trx, caller, id, whash, because);
      }
      const { grant, posted } = found;
      // guard: vault-retire
      if (grant !== undefined && grant.aud === caller.urn) await this.grants.retire(trx, grant);
      // guard: vault-deleted-kept
      if (grant !== undefined && grant.aud !== caller.urn) await this.grants.keepPoster(trx, caller, grant);
      const obj = { prompt: id, whash };
      await this.grants.delete(trx, caller.org, id, whash);
      const [one] = posted;
      if (one === undefined) return { body: undefined, event: { act: 'grant.delete', obj } };
      await this.grants.bar(trx, caller, whash, posted);
      const posters = [...new Set(posted.map(({ poster_kid }) => poster_kid as Kid))];
      const unfit = { version: one.version, kid: one.kid as Kid, posters };
      return { body: undefined, event: { act: 'grant.delete', obj: { ...obj, unfit } } };
    });
  }

  /** Grants that were taken back as unfit, with who posted them. */
  async listUnfit(caller: Caller, { cursor, limit }: UnfitGrantQuery): Promise<Answer<UnfitGrantPage>> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor, ['string', 'string']);
    const rows = await this.grants.listUnfit(caller.org, after, limit + 1);
    return pageOf(rows, {
      limit,
      item: unfitOf,
      cursorAfter: ({ whash, poster_urn }) => encodeCursor([whash, poster_urn]),
      request: caller.request,
    });
  }

  /** Lets one who posted an unfit grant give that key that version again. Done already is as good. */
  async clearUnfit(caller: Caller, whash: string, { by }: UnfitGrantClearing): Promise<Answer<undefined>> {
    return this.ledger.run(caller, async (trx) => {
      await this.grants.clearUnfit(trx, caller.org, whash, by);
      return { body: undefined, event: { act: 'grant.clear', obj: { whash, by } } };
    });
  }

  /** @throws {Problem} forbidden for a version of somebody else, unless the caller authors its name and holds it */
  private async requireAuthorOrHolder(
    trx: VaultTransaction,
    caller: Caller,
    id: PromptId,
    name: string,
    versions: ReadonlyMap<number, { readonly author_urn: string }>,
  ): Promise<void> {
    const foreign = [...versions].filter(([, row]) => !isOwn(caller, row.author_urn)).map(([version]) => version);
    if (foreign.length === 0) return;
    // guard: vault-share-others
    if (!caller.trust.mayAuthor(caller.urn, name))
      throw new Problem('forbidden', { detail: 'you may share versions of your own, or of a name that you author' });
    const held = new Set((await this.grants.findOwn(caller, id, foreign, trx)).map(({ version }) => version));
    if (!foreign.every((version) => held.has(version))) {
      throw new Problem('forbidden', { detail: 'you hold no grant of this version yourself' });
    }
  }

  /**
   * A grant that the caller may delete, if it is there, and all who posted it where the caller says that it is unfit.
   * @throws {Problem} forbidden
   */
  private async findDeletable(
    trx: VaultTransaction,
    caller: Caller,
    id: PromptId,
    whash: string,
    because: GrantDeletion['because'],
  ): Promise<{ readonly grant: GrantRow | undefined; readonly posted: readonly PostedGrant[] }> {
    const grant = await this.grants.findByHash(caller.org, id, whash, trx);
    // guard: vault-unshare
    if (grant !== undefined && !(await this.mayDelete(trx, caller, id, grant))) throw new Problem('forbidden');
    if (because !== 'unfit') return { grant, posted: [] };
    // Looked for second: one that is taken away between the two is in both.
    const deleted = await this.grants.listDeleted(trx, caller.org, id, whash);
    const posted: PostedGrant[] = grant === undefined ? deleted : [grant, ...deleted];
    // Nobody else can tell.
    // guard: vault-unfit-recipient
    if (posted.some(({ aud }) => aud !== caller.urn))
      throw new Problem('forbidden', { detail: 'its recipient alone can say so' });
    return { grant, posted };
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

function summarise({ whash, version, kid, aud }: GrantFacts): GrantSummary {
  return { whash, version, kid, aud };
}

function unfitOf({
  whash,
  prompt_id,
  version,
  kid,
  aud,
  poster_kid,
  poster_urn,
  again,
  created_at,
}: UnfitGrantRow): UnfitGrant {
  const place = { whash, prompt: prompt_id as PromptId, version, kid: kid as Kid, aud };
  return { ...place, poster: poster_kid, by: poster_urn, again, reported_at: created_at.toISOString() };
}
