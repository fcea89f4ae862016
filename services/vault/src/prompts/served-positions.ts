import type { Trust } from '@bulla/crypto';
import { SKEW_SECONDS } from '@bulla/crypto';
import { Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VaultSource } from '../database/vault-database.js';
import type { LabelFreshnessRow } from './label-freshness.repository.js';
import { LabelFreshnessRepository } from './label-freshness.repository.js';
import { LabelTagsRepository } from './label-tags.repository.js';
import type { LabelRow } from './labels.repository.js';
import type { ServableTag, ServedTags } from './served-tags.js';
import { servedTags } from './served-tags.js';

type Word = Pick<LabelFreshnessRow, 'urn' | 'issued_at' | 'token'>;

/** As many as one position is served with. */
const WORDS_MAX = 16;

/** A position with the tags that count now, or did when it was signed. */
export interface TaggedPosition {
  readonly row: LabelRow;
  readonly tags: ServedTags;
}

/** The same with what renewers say of it, the newest first. */
export interface ServedPosition extends TaggedPosition {
  readonly words: string[];
}

/** Positions as they are served: which tags and words of renewers go with them. */
@Injectable()
export class ServedPositions {
  constructor(
    private readonly clock: Clock,
    private readonly tags: LabelTagsRepository,
    private readonly freshness: LabelFreshnessRepository,
  ) {}

  async withTags(trust: Trust, rows: readonly LabelRow[], source?: VaultSource): Promise<TaggedPosition[]> {
    const now = this.clock.now();
    const byPlace = Map.groupBy(await this.tags.tagsOf(rows, now, source), positionOf);
    return rows.map((row) => ({ row, tags: servedTags(trust, byPlace.get(positionOf(row)) ?? [], now) }));
  }

  /** What goes with a position at which a label stands: words of renewers only where too few people have signed lately. */
  needed(
    trust: Trust,
    { version }: Pick<LabelRow, 'version'>,
    stored: { readonly tags: readonly ServableTag[]; readonly words: readonly Word[] },
  ): { readonly tags: readonly string[]; readonly words: readonly string[] } {
    const tags = servedTags(trust, stored.tags, this.clock.now());
    return {
      tags: tags.tokens,
      words: this.isFresh(trust, { version }, tags) ? [] : this.countingWords(trust, stored.words),
    };
  }

  /** With all that is said. */
  async withWords(trust: Trust, rows: readonly LabelRow[], source?: VaultSource): Promise<ServedPosition[]> {
    const words = await this.wordsOf(trust, rows, source);
    const positions = await this.withTags(trust, rows, source);
    return positions.map((position) => ({ ...position, words: words.get(labelOf(position.row)) ?? [] }));
  }

  /** By label. */
  private async wordsOf(
    trust: Trust,
    rows: readonly LabelRow[],
    source?: VaultSource,
  ): Promise<ReadonlyMap<string, string[]>> {
    const byLabel = Map.groupBy(await this.freshness.of(rows, source), labelOf);
    return new Map([...byLabel].map(([label, said]) => [label, this.countingWords(trust, said)]));
  }

  /** Of renewers of today, and not of one whose clock was ahead: those come later, or never. */
  private countingWords(trust: Trust, rows: readonly Word[]): string[] {
    const latest = (this.clock.now() + trust.policy.max_skew) * 1000;
    return rows
      .filter(
        ({ urn, issued_at: issued }) =>
          trust.hasRole(urn, 'renewer') && // guard: vault-served-renewer
          issued.getTime() <= latest, // guard: vault-served-ahead
      )
      .slice(0, WORDS_MAX)
      .map(({ token }) => token);
  }

  /** Whether every client takes it without a renewer's word. A deletion needs none. */
  private isFresh(trust: Trust, { version }: Pick<LabelRow, 'version'>, tags: ServedTags): boolean {
    // Whose clock is ahead of this one needs a renewer's word earlier.
    return version === 0 || trust.clock(this.clock.now()) + SKEW_SECONDS < tags.freshUntil;
  }
}

function labelOf({ name, label }: Pick<LabelRow, 'name' | 'label'>): string {
  return `${name} ${label}`;
}

function positionOf(place: Pick<LabelRow, 'name' | 'label' | 'seq'>): string {
  return `${labelOf(place)} ${place.seq}`;
}
