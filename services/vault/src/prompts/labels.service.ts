import type {
  LabelChain,
  LabelChainQuery,
  LabelHistory,
  LabelHistoryQuery,
  LabelList,
  LabelMoveResult,
  LabelPosition,
  PromptId,
  StandingLabelPage,
  StandingLabelQuery,
} from '@bulla/contract';
import { entityTag, Problem } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { urnOf } from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VaultSource } from '../database/vault-database.js';
import { VaultLedger } from '../database/vault-ledger.js';
import { decodeCursor, encodeCursor } from '@bulla/service-kit';
import { pageOf } from '@bulla/service-kit';
import { LabelMoves, moveEvent } from './label-moves.js';
import type { LabelRow } from './labels.repository.js';
import { LabelsRepository } from './labels.repository.js';
import { PromptsService } from './prompts.service.js';
import type { ServedPosition, TaggedPosition } from './served-positions.js';
import { ServedPositions } from './served-positions.js';

/** A position as it is stored, if there is one, with all that was said of it. */
interface Standing {
  readonly position: Pick<LabelRow, 'prompt_id' | 'version'> | undefined;
  readonly tags: Parameters<ServedPositions['needed']>[2]['tags'];
  readonly words: Parameters<ServedPositions['needed']>[2]['words'];
}

/** Labels: where they point is signed by people, so the vault can keep them and cannot move them. */
@Injectable()
export class LabelsService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly room: PromptsService,
    private readonly labels: LabelsRepository,
    private readonly positions: ServedPositions,
    private readonly moves: LabelMoves,
  ) {}

  /**
   * Takes tags for the next position of a label; version 0 deletes it. Where the policy asks for more people than have
   * signed, the move waits for the others (202).
   */
  async move(
    caller: Caller,
    id: PromptId,
    label: string,
    newest: number,
    tokens: readonly string[],
  ): Promise<Answer<LabelMoveResult>> {
    const tags = await this.moves.check(caller, id, label, tokens);
    if (tags.seq !== newest + 1) {
      throw new Problem('label_stale', { detail: 'the tags do not say the position after the one in If-Match' });
    }
    return this.ledger.run(caller, async (trx) => {
      const outcome = await this.moves.take(trx, caller, tags);
      const [body, event] = [outcome.result, moveEvent(id, tags, outcome)];
      return outcome.moved ? { body, event, etag: entityTag(tags.seq) } : { body, event, status: 202 };
    });
  }

  /** The labels that a prompt bears now. */
  async list(caller: Caller, id: PromptId): Promise<LabelList> {
    const { name } = await this.room.find(caller, id);
    const rows = await this.labels.newestOfName(caller.org, name);
    const borne = rows.filter((row) => row.prompt_id === id && row.version > 0);
    return { data: (await this.positions.withWords(caller.trust, borne)).map(present) };
  }

  /**
   * One label of the prompt's name: a deleted one too, and one that an earlier prompt of this name left, with the tags
   * that say so. Its position is needed to set it again.
   */
  async get(caller: Caller, id: PromptId, label: string): Promise<LabelPosition> {
    const { name } = await this.room.find(caller, id);
    const row = await this.labels.newest(caller.org, name, label);
    if (row === undefined) throw new Problem('label_not_found');
    return this.presentWhole(caller.trust, row);
  }

  /** Adds a tag to the position at which a label stands; it points where it did, for longer. */
  async confirm(caller: Caller, id: PromptId, label: string, token: string): Promise<Answer<LabelPosition>> {
    const tag = await this.moves.check(caller, id, label, [token]);
    return this.ledger.run(caller, async (trx) => {
      const row = await this.moves.confirm(trx, caller, tag);
      const { seq, version } = row;
      const event = { act: 'label.confirm', obj: { prompt: id, label, seq, version } } as const;
      return { body: await this.presentWhole(caller.trust, row, trx), event };
    });
  }

  /** The moves of a label after a position, whatever the id of the prompt was: what a client follows to where it is now. */
  async chain(
    caller: Caller,
    id: PromptId,
    label: string,
    { from, limit, cursor }: LabelChainQuery,
  ): Promise<Answer<LabelChain>> {
    const [after] = cursor === undefined ? [from] : decodeCursor(cursor, ['number']);
    const { name } = await this.room.find(caller, id);
    const rows = await this.labels.chain(caller.org, name, label, after, limit + 1);
    return pageOf(rows, {
      limit,
      item: ({ prompt_id: prompt, version: ver, chash, prev }) => ({
        sub: urnOf(caller.org, 'prompt', prompt),
        ver,
        chash,
        prev: prev ?? '',
      }),
      cursorAfter: ({ seq }) => encodeCursor([seq]),
      request: caller.request,
    });
  }

  /** Every position that a label had under the prompt's name: what a client goes back through. */
  async history(
    caller: Caller,
    id: PromptId,
    label: string,
    { limit, cursor }: LabelHistoryQuery,
  ): Promise<Answer<LabelHistory>> {
    const [before] = cursor === undefined ? [] : decodeCursor(cursor, ['number']);
    const { name } = await this.room.find(caller, id);
    const rows = await this.labels.positions(caller.org, name, label, before, limit + 1);
    return pageOf(await this.positions.withTags(caller.trust, rows), {
      limit,
      item: (position) => ({ ...tagged(position), fresh: [] }),
      cursorAfter: ({ row: { seq } }) => encodeCursor([seq]),
      request: caller.request,
    });
  }

  /** Where every label of the organisation stands, deleted ones included: what a renewer judges. */
  async all(caller: Caller, { limit, cursor }: StandingLabelQuery): Promise<Answer<StandingLabelPage>> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor, ['string', 'string']);
    const rows = await this.labels.standingPage(caller.org, after, limit + 1);
    return pageOf(await this.positions.withWords(caller.trust, rows), {
      limit,
      item: (position) => ({
        name: position.row.name,
        prompt: position.row.prompt_id as PromptId,
        ...present(position),
      }),
      cursorAfter: ({ row: { name, label } }) => encodeCursor([name, label]),
      request: caller.request,
    });
  }

  /**
   * What goes with a position at which a label of a prompt stands: its tags, and what renewers say where that is needed.
   * @throws {Problem} label_not_found
   */
  serve(trust: Trust, promptId: string, { position, tags, words }: Standing): ReturnType<ServedPositions['needed']> {
    if (
      position === undefined ||
      position.version === 0 ||
      position.prompt_id !== promptId // guard: vault-label-earlier
    )
      throw new Problem('label_not_found');
    return this.positions.needed(trust, position, { tags, words });
  }

  /** With all that renewers say: to sign a position again needs their word, even if others signed it lately. */
  private async presentWhole(trust: Trust, row: LabelRow, source?: VaultSource): Promise<LabelPosition> {
    const [position] = await this.positions.withWords(trust, [row], source);
    if (position === undefined) throw new Problem('internal');
    return present(position);
  }
}

function tagged({ row: { label, version, seq }, tags }: TaggedPosition): Omit<LabelPosition, 'fresh'> {
  return { label, version, seq, tags: tags.tokens };
}

function present(position: ServedPosition): LabelPosition {
  return { ...tagged(position), fresh: position.words };
}
