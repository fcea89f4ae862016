import type { LostMoves, PromptId, TakenMoves } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { ChainTuple, TagSet, Trust } from '@bulla/crypto';
import { CryptoError, followChain, parseTag, parseUrn, readTags, requireDescendant } from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import { Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultLedger } from '../database/vault-ledger.js';
import { RestoreGuard } from '../restores/restore-guard.js';
import { ApprovalsRepository } from './approvals.repository.js';
import { LabelTagsRepository } from './label-tags.repository.js';
import { LabelsRepository } from './labels.repository.js';
import { LostPrompts } from './lost-prompts.js';

/** A position that enough people signed, and those of its tags that count or did. */
interface Signed extends TagSet {
  readonly tokens: readonly string[];
}

/** Moves of labels that the vault has lost by a restore, as the clients that remember them hand them back. */
@Injectable()
export class LostMovesService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly clock: Clock,
    private readonly labels: LabelsRepository,
    private readonly tags: LabelTagsRepository,
    private readonly approvals: ApprovalsRepository,
    private readonly prompts: LostPrompts,
    private readonly restores: RestoreGuard,
  ) {}

  /**
   * Takes the moves after the position at which a label stands here, if they lead to one that enough people signed, be it
   * long ago. Of one that is here already only its tags are new.
   * @throws {Problem} forbidden if nothing was lost, too few signed, or it waited too long for people; label_stale for
   *   another branch; envelope_tampered; {CryptoError} as readTags
   */
  async take(caller: Caller, { name, label, moves, tags }: LostMoves): Promise<Answer<TakenMoves>> {
    const { org, trust } = caller;
    const signed = await this.signed(trust, name, label, tags);
    const prompt = promptOf(org, signed.sub);
    for (const { sub } of moves) promptOf(org, sub);
    return this.ledger.run(caller, async (trx) => {
      await this.restores.requireRestored(trx, org);
      await this.requireInTime(trx, trust, signed);
      const taken = await this.insert(trx, org, signed, moves);
      await this.tags.insert(trx, { org, name, label, seq: signed.seq }, signed.tokens);
      await this.approvals.dropOf(trx, org, name, label);
      const { seq } = signed;
      return { body: { seq, taken }, event: { act: 'label.handback', obj: { prompt, label, seq, taken } } };
    });
  }

  /** @throws {Problem} forbidden */
  private async signed(trust: Trust, name: string, label: string, tags: readonly string[]): Promise<Signed> {
    const expected = { trust, name, label, now: this.clock.now() };
    const set = await readTags(tags, expected);
    // guard: handback-signed
    if (set.signed < set.needed)
      throw new Problem('forbidden', { detail: `${set.signed} of ${set.needed} people needed signed the position` });
    // What nobody could verify, and what never counted, is not kept.
    const tokens: string[] = [];
    // guard: handback-tags without: tokens.push(...tags);
    for (const token of tags) if ((await readTags([token], expected)).signed === 1) tokens.push(token);
    return { ...set, tokens };
  }

  /**
   * A move that waited too long for people, or was dropped, never took place. A person who now adds the tags
   * that it lacked does not make it a move.
   * @throws {Problem} forbidden
   */
  private async requireInTime(trx: VaultTransaction, trust: Trust, signed: Signed): Promise<void> {
    const { name, label, needed, tokens } = signed;
    const undone = await this.approvals.undoneTags(trx, { org: trust.org, name, label, pos: signed.pos });
    const [first] = undone;
    if (first === undefined) return;
    const held = new Set(undone.map(({ token }) => token));
    const anew = tokens.filter((token) => !held.has(token));
    const end = Math.max(...undone.filter(({ state }) => state === 'open').map((row) => row.end.getTime()));
    const inTime = tokens.filter((token) => parseTag(token).claims.iat * 1000 < end);
    const expected = { trust, name, label, now: this.clock.now() };
    const countOf = async (some: readonly string[]) =>
      some.length === 0 ? 0 : (await readTags(some, expected)).signed;
    // guard: handback-in-time
    if ((await countOf(anew)) < needed && (await countOf(inTime)) < needed)
      throw new Problem('forbidden', { detail: 'the move waited too long for people, or was dropped' });
  }

  /** @returns how many were lost. */
  private async insert(
    trx: VaultTransaction,
    org: string,
    signed: Signed,
    moves: readonly ChainTuple[],
  ): Promise<number> {
    const { name, label } = signed;
    const of = { name, tag: label };
    const newest = await this.labels.newest(org, name, label, trx);
    const head = { seq: newest?.seq ?? 0, pos: newest?.pos ?? '' };
    const lost = signed.seq > head.seq ? moves.slice(-(signed.seq - head.seq)) : [];
    // guard: handback-descends
    await requireDescendant(of, head, signed, lost).catch(otherBranch);
    const path = await followChain(of, head, lost);
    for (const [index, { seq, pos }] of path.entries()) {
      const move = lost[index];
      if (move === undefined) throw new Problem('internal');
      const prompt = promptOf(org, move.sub);
      await this.prompts.require(trx, { org, id: prompt, name, version: move.ver });
      const { ver: version, chash } = move;
      const prev = move.prev === '' ? null : move.prev;
      const row = { org, name, label, seq, prompt_id: prompt, version, chash, pos, prev };
      if (!(await this.labels.insert(trx, row))) throw new Problem('label_stale');
    }
    return path.length;
  }
}

/** @throws {Problem} envelope_tampered */
function promptOf(org: string, sub: string): PromptId {
  const parsed = parseUrn(sub);
  // guard: handback-prompt
  if (parsed?.org !== org || parsed.kind !== 'prompt')
    throw new Problem('envelope_tampered', { detail: 'a move is not of a prompt of this organisation' });
  return parsed.id as PromptId;
}

function otherBranch(error: unknown): never {
  if (!(error instanceof CryptoError)) throw error;
  throw new Problem('label_stale', { detail: `it does not come after where the label stands: ${error.message}` });
}
