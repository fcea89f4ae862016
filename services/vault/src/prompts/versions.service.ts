import type {
  AcceptedVersion,
  NewVersion,
  PromptId,
  SealedVersion,
  VersionQuery,
  VersionSummary,
} from '@bulla/contract';
import { ContentToken, Problem } from '@bulla/contract';
import { parseContent, parseTag, requireCommitment, tokenHash, urnOf } from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VersionPlace } from '../database/types.js';
import type { VaultSource, VaultTransaction } from '../database/vault-database.js';
import { VaultLedger } from '../database/vault-ledger.js';
import type { GrantedVersion } from '../grants/grants.service.js';
import { GrantsService } from '../grants/grants.service.js';
import { decodeCursor, encodeCursor } from '@bulla/service-kit';
import type { Page } from '@bulla/service-kit';
import { pageOf } from '@bulla/service-kit';
import { isManaged, ManagedCustody } from '../managed/custody/managed-custody.js';
import type { CheckedTags } from './label-moves.js';
import { LabelMoves } from './label-moves.js';
import { PromptsRepository } from './prompts.repository.js';
import { PromptsService, requireAuthor } from './prompts.service.js';
import { VersionWrites } from './version-writes.js';
import type { VersionFacts, VersionRow } from './versions.repository.js';
import { VersionsRepository } from './versions.repository.js';

export type { VersionFacts };

/** Versions of prompts: sealed contents that never change, numbered without a gap. */
@Injectable()
export class VersionsService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly room: PromptsService,
    private readonly prompts: PromptsRepository,
    private readonly versions: VersionsRepository,
    private readonly grants: GrantsService,
    private readonly moves: LabelMoves,
    private readonly custody: ManagedCustody,
    private readonly writes: VersionWrites,
  ) {}

  /**
   * Stores the version after the newest, and moves labels to it. Under a sealed name the vault cannot read it; it checks
   * that content and grants are for this place, that the author keeps a grant of their own, and tags as clients will.
   */
  async create(
    caller: Caller,
    id: PromptId,
    newest: number,
    sent: NewVersion,
    isSecure: boolean,
  ): Promise<Answer<AcceptedVersion>> {
    const place = await placeOf(caller, id, newest + 1, sent.content);
    const grants = await this.grants.check(caller.trust, place, sent.grants);
    // guard: vault-version-own-grant
    if (!grants.some(({ aud }) => aud === caller.urn)) {
      throw new Problem('validation_failed', { detail: 'one grant must be for the device that sends the version' });
    }
    const tags = await this.#checkTags(caller, id, place, sent.tags ?? []);
    const name = sent.prompt?.name ?? (await this.prompts.find(caller.org, id))?.name;
    const wrapped = async () => {
      if (name === undefined) return undefined;
      // Nobody who may not write this name has a key used.
      if (isManaged(name, caller.trust) || sent.deposit !== undefined) requireAuthor(caller, name);
      return this.custody.wrapDeposit(caller, { ...place, name, content: sent.content }, sent.deposit, isSecure);
    };
    const { content, prompt } = sent;
    return this.writes.write(caller, { act: 'version.create', place, content, grants, tags, prompt, wrapped });
  }

  /** @throws {Problem} envelope_tampered for a tag of something else than this version; as LabelMoves.check */
  async #checkTags(
    caller: Caller,
    id: PromptId,
    place: GrantedVersion,
    tokens: readonly string[],
  ): Promise<CheckedTags[]> {
    const checked: CheckedTags[] = [];
    for (const token of tokens) {
      const tag = await this.moves.check(caller, id, parseTag(token).claims.tag, [token]);
      // guard: vault-version-tags
      if (tag.version !== place.version || tag.chash !== place.chash)
        throw new Problem('envelope_tampered', { detail: 'a tag is for something else than this version' });
      checked.push(tag);
    }
    return checked;
  }

  async list(caller: Caller, id: PromptId, query: VersionQuery): Promise<Answer<Page<VersionSummary>>> {
    const [before] = query.cursor === undefined ? [] : decodeCursor(query.cursor, ['number']);
    await this.room.find(caller, id);
    const rows = await this.versions.list(caller.org, id, before, query.limit + 1);
    return pageOf(rows, {
      limit: query.limit,
      item: summarise,
      cursorAfter: ({ version }) => encodeCursor([version]),
      request: caller.request,
    });
  }

  /** The sealed content with the caller's own grant. That it was handed out is written down first. */
  async read(caller: Caller, id: PromptId, version: number): Promise<SealedVersion> {
    const row = await this.get(caller, id, version);
    const [grant] = await this.grants.findOwn(caller, id, [version]);
    await this.ledger.read(caller, { act: 'version.get', obj: { prompt: id, version, granted: grant !== undefined } });
    return { ...summarise(row), content: row.content, grant: grant?.token ?? null };
  }

  /**
   * One stored version.
   * @throws {Problem} not_found, envelope_tampered
   */
  async get(caller: Caller, id: PromptId, version: number, source?: VaultSource): Promise<VersionRow> {
    const row = await this.versions.find(caller.org, id, version, source);
    if (row === undefined) throw new Problem('not_found');
    requireToken(row.content);
    return row;
  }

  /**
   * Those of some versions, of any prompts, that are there and not deleted; they stay so until the transaction ends.
   * Without their contents.
   */
  holdLive(trx: VaultTransaction, { org }: Caller, places: readonly VersionPlace[]): Promise<VersionFacts[]> {
    return this.versions.holdLive(trx, org, places);
  }

  /**
   * Some stored versions without their contents, by number.
   * @throws {Problem} not_found if one is not there
   */
  async getFacts(
    caller: Caller,
    id: PromptId,
    numbers: readonly number[],
    source: VaultSource,
  ): Promise<ReadonlyMap<number, VersionFacts>> {
    const rows = await this.versions.findFacts(caller.org, id, numbers, source);
    const found = new Map(rows.map((row) => [row.version, row]));
    if (!numbers.every((version) => found.has(version))) throw new Problem('not_found');
    return found;
  }
}

/**
 * The reader compares its hash. Content that is not a token any more could not even stand in an answer.
 * @throws {Problem} envelope_tampered
 */
export function requireToken(content: string): void {
  if (!ContentToken.safeParse(content).success)
    throw new Problem('envelope_tampered', { detail: 'the stored content was changed: it is no sealed content' });
}

/**
 * Which content this is, if it is for this place.
 * @throws {CryptoError} token_malformed, payload_too_large, content_uncommitted; {Problem} envelope_tampered, version_conflict
 */
async function placeOf(
  { org }: Caller,
  id: PromptId,
  version: number,
  content: string,
): Promise<GrantedVersion & { readonly promptId: PromptId }> {
  const { header } = parseContent(content);
  // guard: vault-version-place
  if (header.org !== org || header.sub !== urnOf(org, 'prompt', id)) {
    throw new Problem('envelope_tampered', { detail: 'the content is for another prompt' });
  }
  // guard: vault-version-number
  if (header.ver !== version) {
    throw new Problem('version_conflict', { detail: 'the content is for another version than the one after If-Match' });
  }
  // guard: vault-version-committed without: const dkc = header.dkc as string;
  const dkc = requireCommitment(header);
  return { promptId: id, version, chash: await tokenHash(content), dekId: header.kid, dkc };
}

function summarise(row: VersionFacts): VersionSummary {
  const author = { urn: row.author_urn, kid: row.author_kid };
  return { version: row.version, chash: row.chash, author, created_at: row.created_at.toISOString() };
}
