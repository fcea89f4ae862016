import { POSTERS_MAX, Problem } from '@bulla/contract';
import type { GrantHeader, Trust } from '@bulla/crypto';
import { ENVELOPE_TTL_MAX_SECONDS, parseGrant, tokenHash, urnOf } from '@bulla/crypto';
import type { Caller } from '@bulla/service-kit';
import { Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VersionPlace } from '../database/types.js';
import type { VaultSource, VaultTransaction } from '../database/vault-database.js';
import type { DeletedGrantRow } from './deleted-grants.repository.js';
import { DeletedGrantsRepository } from './deleted-grants.repository.js';
import type { CollectedGrant, GrantFacts, GrantRow } from './grants.repository.js';
import { GrantsRepository } from './grants.repository.js';
import { KeyEndsService } from './key-ends.service.js';
import type { Giving, UnfitGrantRow } from './unfit-grants.repository.js';
import { UnfitGrantsRepository } from './unfit-grants.repository.js';

export type { CollectedGrant, GrantFacts, GrantRow, UnfitGrantRow };

/** The content that grants must be for. */
export interface GrantedVersion extends VersionPlace {
  readonly chash: string;
  readonly dekId: string;
  /** What the content says of its key; who has a grant opened compares what comes out with it (protocol.md A16). */
  readonly dkc: string;
}

/**
 * A stored version, as the one that grants must be for.
 * @throws {Problem} content_uncommitted for one that was sealed before contents committed to their key: nobody gets a
 *   grant of it any more
 */
export function grantedVersion(
  promptId: string,
  { version, chash, dek_id: dekId, dkc }: { version: number; chash: string; dek_id: string; dkc: string | null },
): GrantedVersion {
  // guard: vault-grant-earlier
  if (dkc === null) throw new Problem('content_uncommitted');
  return { promptId, version, chash, dekId, dkc };
}

/** A grant that may be stored. */
export interface CheckedGrant {
  readonly token: string;
  readonly whash: string;
  readonly kid: string;
  readonly aud: string;
}

/** How long a recipient may say that a grant was unfit which somebody took away: it may not reach the vault for a while. */
const DELETED_KEPT_SECONDS = 86_400;

/** A grant that somebody posted, whether it is still there or not. */
export type PostedGrant = Omit<GrantFacts, 'created_at'> & { readonly poster_urn?: string };

/** Whoever posts grants: a caller, or the vault itself. */
type Poster = Pick<Caller, 'org' | 'kid' | 'trust'>;

/** Hashes of grants that were new, and of those that their poster can give no more. */
export interface StoredGrants {
  readonly added: ReadonlySet<string>;
  readonly barred: ReadonlySet<string>;
}

/** Keeps the keys of contents, each wrapped to one recipient. The vault cannot try them; it checks what it can see. */
@Injectable()
export class GrantsService {
  constructor(
    private readonly grants: GrantsRepository,
    private readonly unfit: UnfitGrantsRepository,
    private readonly deleted: DeletedGrantsRepository,
    private readonly keyEnds: KeyEndsService,
    private readonly clock: Clock,
  ) {}

  /**
   * Checks that grants are for this content, and for keys of the directory that are encrypted to now.
   * @throws {CryptoError} token_malformed, payload_too_large, key_unknown, key_revoked, suite_unknown
   * @throws {Problem} envelope_tampered; validation_failed for the same key twice
   */
  async check(trust: Trust, of: GrantedVersion, tokens: readonly string[]): Promise<CheckedGrant[]> {
    const checked = await Promise.all(tokens.map((token) => this.checkOne(trust, of, token)));
    // guard: vault-grant-twice
    if (new Set(checked.map(({ kid }) => kid)).size !== checked.length) {
      throw new Problem('validation_failed', { detail: 'two grants are for the same key' });
    }
    return checked;
  }

  /**
   * Checks that a grant is for this content, and for a key of the directory that is encrypted to now.
   * @throws as {@link check}
   */
  async checkOne(
    trust: Trust,
    of: GrantedVersion,
    token: string,
    header: GrantHeader = parseGrant(token).header,
  ): Promise<CheckedGrant> {
    const { kid, aud, sub } = header;
    const isOfPrompt = sub === urnOf(trust.org, 'prompt', of.promptId);
    // guard: vault-grant-place
    if (!isOfPrompt || header.ver !== of.version || header.chash !== of.chash || header.dek !== of.dekId) {
      throw new Problem('envelope_tampered', { detail: 'a grant is for another content' });
    }
    // The vault cannot try a grant. Whoever opens it can, by what both say.
    // guard: vault-grant-commitment
    if (header.dkc !== of.dkc) throw new Problem('envelope_tampered', { detail: 'a grant commits to another key' });
    // guard: vault-grant-recipient
    this.requireRecipient(trust, kid, aud);
    return { token, whash: await tokenHash(token), kid, aud };
  }

  /**
   * Stores checked grants, each for its version. Of those that the caller posted unfit before for the same key none is
   * stored. Of a version that comes with them nobody did.
   * @returns hashes of those that were new, where a stored one for the same key stays, and of those that are barred
   * @throws {Problem} overloaded where the caller's directory is not the newest any more
   */
  async store(
    trx: VaultTransaction,
    caller: Poster,
    grants: readonly (CheckedGrant & VersionPlace)[],
    { ofNewVersion = false } = {},
  ): Promise<StoredGrants> {
    // Whoever takes an unfit one back waits for this, and this for them: what is barred is known by then.
    await this.keyEnds.requireNewest(trx, caller);
    if (grants.length === 0) return { added: new Set(), barred: new Set() };
    // guard: vault-barred without: const barred = new Set<string>();
    const barred = ofNewVersion ? new Set<string>() : await this.barred(trx, caller, grants);
    const rows = grants
      .filter(({ whash }) => !barred.has(whash))
      .map(({ promptId, version, token, whash, kid, aud }) => {
        return { org: caller.org, prompt_id: promptId, version, token, whash, kid, aud, poster_kid: caller.kid };
      });
    return { added: new Set(rows.length === 0 ? [] : await this.grants.insert(trx, rows)), barred };
  }

  /**
   * Has everybody who adds grants wait until the transaction ends: who posted an unfit one is barred by then.
   */
  holdPosts(trx: VaultTransaction, org: string): Promise<void> {
    return this.keyEnds.holdDirectory(trx, org);
  }

  /** Bars each who posted a grant from giving its key its version. */
  async bar(
    trx: VaultTransaction,
    { org, trust }: Pick<Caller, 'org' | 'trust'>,
    whash: string,
    posted: readonly PostedGrant[],
  ): Promise<void> {
    const kept = posted.flatMap(({ poster_urn }) => poster_urn ?? []);
    for (const grant of posted) {
      const poster_urn = grant.poster_urn ?? otherPosterOf(trust, grant);
      if (poster_urn === undefined) continue;
      const { prompt_id, version, kid, poster_kid, aud } = grant;
      await this.unfit.insert(trx, { org, prompt_id, version, kid, poster_urn, poster_kid, aud, whash });
    }
    // Whom an admin clears is not barred again by what was said before.
    await this.deleted.delete(trx, org, whash, kept);
  }

  /** Keeps who posted a grant that somebody else than its recipient is about to delete. */
  async keepPoster(trx: VaultTransaction, { trust }: Pick<Caller, 'trust'>, grant: GrantRow): Promise<void> {
    const poster_urn = otherPosterOf(trust, grant);
    if (poster_urn === undefined) return;
    const { org, whash, poster_kid, prompt_id, version, kid, aud } = grant;
    const until = new Date(this.clock.nowMs() + DELETED_KEPT_SECONDS * 1000);
    await this.deleted.insert(trx, { org, whash, poster_urn, poster_kid, prompt_id, version, kid, aud, until });
  }

  /** Who posted a grant that was deleted, as long as its recipient may say that it was unfit. */
  listDeleted(trx: VaultTransaction, org: string, promptId: string, whash: string): Promise<DeletedGrantRow[]> {
    return this.deleted.list(trx, org, promptId, whash, new Date(this.clock.nowMs()), POSTERS_MAX - 1);
  }

  /** One page of what is barred. */
  listUnfit(...page: Parameters<UnfitGrantsRepository['list']>): Promise<UnfitGrantRow[]> {
    return this.unfit.list(...page);
  }

  /** Lets one of those who posted an unfit grant give that key that version again. */
  clearUnfit(...cleared: Parameters<UnfitGrantsRepository['clear']>): Promise<void> {
    return this.unfit.clear(...cleared);
  }

  private async barred(
    trx: VaultTransaction,
    { org, kid, trust }: Poster,
    grants: readonly (CheckedGrant & VersionPlace)[],
  ): Promise<Set<string>> {
    const found = await this.unfit.barred(trx, org, posterOf(trust, kid) ?? '', grants);
    const keys = new Set(found.map(keyOfGiving));
    return new Set(grants.filter((grant) => keys.has(keyOfGiving(grant))).map(({ whash }) => whash));
  }

  /** Of which of some versions the caller holds a grant, whatever the age of the key that it is for. */
  heldOf(trx: VaultTransaction, { org, urn, trust }: Caller, places: readonly VersionPlace[]): Promise<VersionPlace[]> {
    const kids = (trust.entity(urn)?.keys ?? []).map(({ kid }) => kid);
    return this.grants.heldOf(trx, org, places, kids);
  }

  /** The caller's own grants of some versions, whatever the age of the keys they are for; newer keys first. */
  async findOwn(
    { org, urn, trust }: Caller,
    promptId: string,
    versions: readonly number[],
    source?: VaultSource,
  ): Promise<GrantRow[]> {
    const keys = trust.entity(urn)?.keys ?? [];
    const kids = keys.toSorted((left, right) => right.nbf - left.nbf).map(({ kid }) => kid);
    return preferred(await this.grants.listFor(org, promptId, versions, kids, source), kids);
  }

  /** The grant of a version for one key. */
  async findFor(org: string, promptId: string, version: number, kid: string): Promise<GrantRow | undefined> {
    const [row] = await this.grants.listFor(org, promptId, [version], [kid]);
    return row;
  }

  findByHash(org: string, promptId: string, whash: string, source?: VaultSource): Promise<GrantRow | undefined> {
    return this.grants.findByHash(org, promptId, whash, source);
  }

  /** The token of a grant that its recipient took back, while an envelope may still name it. */
  findRetired(org: string, promptId: string, whash: string): Promise<string | undefined> {
    return this.grants.findRetired(org, promptId, whash, new Date(this.clock.nowMs()));
  }

  /** Keeps the bytes of a grant for the longest life of an envelope that was issued with it. */
  retire(trx: VaultTransaction, grant: GrantRow): Promise<void> {
    return this.grants.retire(trx, grant, new Date(this.clock.nowMs() + ENVELOPE_TTL_MAX_SECONDS * 1000));
  }

  /** Forgets who posted what was deleted so long ago that nobody says anything of it, in batches of so many rows. */
  purgeDeleted(limit: number): Promise<bigint> {
    return this.deleted.purge(new Date(this.clock.nowMs()), limit);
  }

  /** Forgets retired grants that no envelope needs any more, in batches of so many rows. */
  purgeRetired(limit: number): Promise<bigint> {
    return this.grants.purgeRetired(new Date(this.clock.nowMs()), limit);
  }

  /** One page of a prompt's grants, or of one version's, by version and key. */
  list(...page: Parameters<GrantsRepository['list']>): Promise<GrantFacts[]> {
    return this.grants.list(...page);
  }

  /** One page of what is sealed to a key, over all prompts. */
  listOfKey(...page: Parameters<GrantsRepository['listOfKey']>): Promise<CollectedGrant[]> {
    return this.grants.listOfKey(...page);
  }

  delete(trx: VaultTransaction, org: string, promptId: string, whash: string): Promise<void> {
    return this.grants.delete(trx, org, promptId, whash);
  }

  /** The recovery key stands in root, every other recipient in the directory under the name the grant gives. */
  private requireRecipient(trust: Trust, kid: string, aud: string): void {
    const recovery = trust.recoveryRecipient();
    if (recovery?.record.kid === kid && recovery.urn === aud) return;
    const demand = { usage: 'encrypt', purpose: 'unwrap', now: this.clock.now(), check: 'grant-recipient' } as const;
    // guard: vault-grant-holder without: trust.requireKey(kid, demand);
    if (trust.requireKey(kid, demand).urn !== aud) {
      throw new Problem('envelope_tampered', { detail: 'a grant names another holder of its key' });
    }
  }
}

/** Grants in the order of the keys that they are for. */
export function preferred<Grant extends Pick<GrantRow, 'kid'>>(
  rows: readonly Grant[],
  kids: readonly string[],
): Grant[] {
  const rank = new Map(kids.map((kid, index) => [kid, index]));
  return rows.toSorted((left, right) => (rank.get(left.kid) ?? 0) - (rank.get(right.kid) ?? 0));
}

/** Who is behind a key: the person of a device, or the service. Nobody where the directory lists it no more. */
function posterOf(trust: Trust, kid: string): string | undefined {
  const urn = trust.holder(kid)?.urn;
  // guard: vault-barred-person without: return urn;
  return urn === undefined ? undefined : (trust.userOf(urn) ?? urn);
}

/** Who posted a grant; nobody where that is its recipient, who only harmed itself. */
function otherPosterOf(trust: Trust, { poster_kid, aud }: PostedGrant): string | undefined {
  // guard: vault-bar-itself
  if (trust.holder(poster_kid)?.urn === aud) return undefined;
  return posterOf(trust, poster_kid);
}

function keyOfGiving({ promptId, version, kid }: Giving): string {
  return `${promptId}@${version} ${kid}`;
}
