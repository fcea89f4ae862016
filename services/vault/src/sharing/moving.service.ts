import type { Kid, MovedGrant, MovedGrants, OwnGrant, OwnGrantPage, OwnGrantQuery, PromptId } from '@bulla/contract';
import { Problem, UNMOVED } from '@bulla/contract';
import type { GrantHeader } from '@bulla/crypto';
import { CryptoError, parseGrant, parseUrn, tokenHash, urnOf } from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import { decodeCursor, encodeCursor, pageOf, problemOf } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VersionPlace } from '../database/types.js';
import { VaultLedger } from '../database/vault-ledger.js';
import type { CheckedGrant, CollectedGrant } from '../grants/grants.service.js';
import { grantedVersion, GrantsService } from '../grants/grants.service.js';
import type { VersionFacts } from '../prompts/versions.service.js';
import { VersionsService } from '../prompts/versions.service.js';
import { isOwn } from './own-keys.js';

/** A grant that may be stored, or why it may not. */
type Judged = (CheckedGrant & VersionPlace) | Problem;

/** What a holder does for keys of its own: going through what one key opens, and giving it to another. */
@Injectable()
export class MovingService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly versions: VersionsService,
    private readonly grants: GrantsService,
  ) {}

  /** The caller's own grants under one of its keys, of all prompts that are not deleted. */
  async collect(caller: Caller, query: OwnGrantQuery): Promise<Answer<OwnGrantPage>> {
    const { org, trust, urn } = caller;
    const { kid, without, by, since, limit, cursor } = query;
    // guard: vault-collect-own
    for (const one of [kid, without])
      if (one !== undefined && trust.holder(one)?.urn !== urn) throw new Problem('not_found');
    const after = cursor === undefined ? undefined : decodeCursor(cursor, ['string', 'number']);
    const notBy = by === 'others' ? (trust.entity(urn)?.keys ?? []).map((key) => key.kid) : undefined;
    const rows = await this.grants.listOfKey({ org, kid, without, notBy, since, after, limit: limit + 1 });
    // Whoever asks again and again whether something came is given nothing.
    if (rows.length > 0)
      await this.ledger.read(caller, { act: 'grant.collect', obj: { kid, items: Math.min(rows.length, limit) } });
    return pageOf(rows, {
      limit,
      item: own,
      cursorAfter: ({ prompt_id: prompt, version }) => encodeCursor([prompt, version]),
      request: caller.request,
    });
  }

  /**
   * Stores grants of versions that the caller holds for further keys of its own (protocol.md A5). Each is judged by
   * itself, and none of a version that is withdrawn or whose prompt is deleted is taken.
   * @throws {CryptoError} token_malformed for what is no grant
   */
  async move(caller: Caller, tokens: readonly string[]): Promise<Answer<MovedGrants>> {
    const whashes = await Promise.all(tokens.map(tokenHash));
    const headers = tokens.map((token) => parseGrant(token).header);
    return this.ledger.run(caller, async (trx) => {
      const places = headers.flatMap(placesOf);
      const live = byPlace(
        (await this.versions.holdLive(trx, caller, places)).map((row) => ({ ...row, promptId: row.prompt_id })),
      );
      const held = byPlace(await this.grants.heldOf(trx, caller, places));
      const judged = await Promise.all(
        headers.map((header, index) => this.judge(caller, header, tokens[index] ?? '', { live, held })),
      );
      const taken = judged.flatMap((one) => (one instanceof Problem ? [] : [one]));
      const { added, barred } = await this.grants.store(trx, caller, taken);
      const results = judged.map(
        (one, index): MovedGrant => ({
          whash: whashes[index] ?? '',
          outcome: outcomeOf(one, added, barred),
        }),
      );
      const to = taken
        .filter(({ whash }) => !barred.has(whash))
        .map(({ promptId, version, kid }) => ({
          prompt: promptId as PromptId,
          version,
          kid: kid as Kid,
        }));
      const obj = { added: added.size, refused: judged.length - to.length, to };
      return { body: { results }, event: { act: 'grant.move', obj } };
    });
  }

  private async judge(
    caller: Caller,
    header: GrantHeader,
    token: string,
    {
      live,
      held,
    }: { readonly live: ReadonlyMap<string, VersionFacts>; readonly held: ReadonlyMap<string, VersionPlace> },
  ): Promise<Judged> {
    const { trust } = caller;
    const [place] = placesOf(header);
    const version = place === undefined ? undefined : live.get(keyOf(place));
    if (place === undefined || version === undefined) return new Problem('not_found');
    // guard: vault-move-withdrawn
    if (trust.isWithdrawn(urnOf(trust.org, 'prompt', place.promptId), place.version))
      return new Problem('envelope_revoked');
    // guard: vault-move-holder
    if (!held.has(keyOf(place))) return new Problem('forbidden');
    const checked = await attempt(async () =>
      this.grants.checkOne(trust, grantedVersion(place.promptId, version), token, header),
    );
    if (checked instanceof Problem) return checked;
    // guard: vault-move-own
    if (!isOwn(caller, checked.aud)) return new Problem('forbidden');
    return { ...checked, ...place };
  }
}

/** The place that a grant names; none of another organisation is found there. */
function placesOf({ sub, ver: version }: GrantHeader): VersionPlace[] {
  const urn = parseUrn(sub);
  return urn === undefined ? [] : [{ promptId: urn.id, version }];
}

function keyOf({ promptId, version }: VersionPlace): string {
  return `${promptId}@${version}`;
}

function outcomeOf(one: Judged, added: ReadonlySet<string>, barred: ReadonlySet<string>): MovedGrant['outcome'] {
  // guard: vault-move-barred
  if (!(one instanceof Problem) && barred.has(one.whash)) return 'forbidden';
  if (!(one instanceof Problem)) return added.has(one.whash) ? 'added' : 'present';
  return UNMOVED.find((code) => code === one.code) ?? 'validation_failed';
}

/** What is wrong with one grant is its own outcome; what is wrong with us is no outcome. */
async function attempt<Value>(work: () => Promise<Value>): Promise<Value | Problem> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CryptoError || error instanceof Problem) return problemOf(error);
    throw error;
  }
}

function own({
  prompt_id: prompt,
  version,
  kid,
  whash,
  poster_kid: poster,
  header,
  token: grant,
}: CollectedGrant): OwnGrant {
  return { prompt, version, kid, whash, poster, header, grant };
}

function byPlace<Place extends VersionPlace>(places: readonly Place[]): ReadonlyMap<string, Place> {
  return new Map(places.map((place) => [keyOf(place), place]));
}
