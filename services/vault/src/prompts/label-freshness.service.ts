import type { AcceptedFreshness } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { LabelFreshClaims, Trust } from '@bulla/crypto';
import { parseLabelFreshness, verifyLabelFreshness } from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import { Clock, TrustSource } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { VaultLedger } from '../database/vault-ledger.js';
import { requireOwnWord } from '../organisations/own-word.js';
import { LabelFreshnessRepository } from './label-freshness.repository.js';
import { LabelsRepository } from './labels.repository.js';

interface Word {
  readonly token: string;
  readonly claims: LabelFreshClaims;
}

/** What renewers say of labels: that where they stand is the newest. */
@Injectable()
export class LabelFreshnessService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly clock: Clock,
    private readonly trust: TrustSource,
    private readonly labels: LabelsRepository,
    private readonly freshness: LabelFreshnessRepository,
  ) {}

  /**
   * Keeps a renewer's words for positions at which labels stand. A label may have moved since the renewer looked: such
   * a word is left aside. One that is wrong refuses all.
   * @throws {Problem} forbidden, clock_skew, validation_failed; {CryptoError} as verifyLabelFreshness
   */
  async freshen(caller: Caller, tokens: readonly string[]): Promise<Answer<AcceptedFreshness>> {
    const words = tokens.map((token) => ({ token, claims: parseLabelFreshness(token).claims }));
    const trust = await this.trustFor(caller, words);
    await Promise.all(words.map((word) => this.requireGood(caller, word, trust)));
    requireDistinct(words);
    return this.ledger.run(caller, async (trx) => {
      const { org, urn } = caller;
      const places = words.map(({ claims: { name, tag: label, seq, pos } }) => ({ name, label, seq, pos }));
      const standing = await this.labels.standing(trx, org, places);
      const rows = words
        .filter(({ claims: { pos } }) => standing.has(pos))
        .map(({ token, claims: { name, tag: label, seq, pos, iat } }) => {
          return { org, name, label, urn, seq, pos, token, issued_at: new Date(iat * 1000) };
        });
      await this.freshness.put(trx, rows);
      const obj = { items: words.length, taken: rows.length };
      return { body: { taken: rows.length }, event: { act: 'label.freshen', obj } };
    });
  }

  /** By the newest documents, where a renewer has a newer directory than the one by which it was let in here. */
  private async trustFor({ org, trust }: Caller, words: readonly Word[]): Promise<Trust> {
    if (words.every(({ claims }) => claims.dir.ver <= trust.directoryRef.ver)) return trust;
    await this.trust.refresh(org);
    return (await this.trust.trustOf(org)) ?? trust;
  }

  private async requireGood(caller: Caller, { token, claims }: Word, trust: Trust): Promise<void> {
    const { name, tag: label, seq, pos } = claims;
    const now = this.clock.now();
    // guard: vault-label-fresh
    await verifyLabelFreshness(token, { name, label, seq, pos }, trust, now);
    requireOwnWord(caller, claims, now);
  }
}

/** @throws {Problem} validation_failed */
function requireDistinct(words: readonly Word[]): void {
  const labels = new Set(words.map(({ claims: { name, tag } }) => `${name} ${tag}`));
  // guard: vault-fresh-twice
  if (labels.size !== words.length) throw new Problem('validation_failed', { detail: 'two words are for one label' });
}
