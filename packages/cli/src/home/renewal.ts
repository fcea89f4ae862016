import type { HandedBack, RenewalRound } from '@bulla/client';
import { BullaError } from '@bulla/client';
import type { Home } from '@bulla/client/node';
import { PassphraseError, HomeError } from '@bulla/client/node';
import { CryptoError } from '@bulla/crypto';
import { hintOf } from '../output/hints.js';
import type { Output } from '../output/output.js';
import type { RenewerSettings } from './renewer-home.js';
import { heldLines, openRenewer } from './renewer-home.js';

/** Written after each round that went well, and taken away before the first: while it is young, the renewer is at work. */
export const ROUND_MARK = 'services/renewer.round';
/** A fault that stays is said once in this time. */
const AGAIN_MS = 3_600_000;

/** Where what comes of rounds is said. */
export interface RenewalWords {
  readonly out: Output;
  /** Told at once of what a restored vault took back. */
  readonly handed: (back: HandedBack) => void;
  /** Told of a round that went well. */
  readonly say: (round: RenewalRound) => void;
}

/** Rounds of the renewer in a home folder, which say what comes of them and throw nothing. */
export class Renewal {
  readonly #home: Home;
  readonly #settings: RenewerSettings;
  readonly #words: RenewalWords;
  #fault = { reason: '', at: 0 };

  constructor(home: Home, settings: RenewerSettings, words: RenewalWords) {
    this.#home = home;
    this.#settings = settings;
    this.#words = words;
  }

  /** Before the first round: what an earlier run did says nothing of this one. */
  begin(): Promise<void> {
    return this.#home.remove(ROUND_MARK);
  }

  /** @returns whether it went well. */
  async round(): Promise<boolean> {
    try {
      const renewer = await openRenewer(this.#home, this.#settings);
      if (renewer === undefined) throw new HomeError('the keys of the renewer are gone');
      const done = await renewer.round(this.#words.handed);
      await this.#home.write(ROUND_MARK, `${new Date().toISOString()}\n`);
      this.#fault = { reason: '', at: 0 };
      this.#words.say(done);
      for (const line of heldLines(done)) this.#words.out.talk(`bulla: renewer: ${line}`);
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  /** Says why a round, or what belongs to it, did not go well; the next comes soon, so not each time. */
  fail(error: unknown): void {
    const reason = reasonOf(error);
    const now = performance.now();
    if (reason === this.#fault.reason && now - this.#fault.at < AGAIN_MS) return;
    this.#fault = { reason, at: now };
    this.#words.out.error(`renewer: ${reason}`);
    const hint = error instanceof BullaError || error instanceof CryptoError ? hintOf(error, {}) : undefined;
    if (hint !== undefined) this.#words.out.hint(hint);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof BullaError || error instanceof CryptoError) {
    const check = error.check === undefined ? '' : `, check ${error.check}`;
    return `${error.message} (${error.code}${check})`;
  }
  if (error instanceof HomeError || error instanceof PassphraseError) return error.message;
  const { name, code } = Object(error) as { name?: unknown; code?: unknown };
  return `something went wrong that should not: ${String(code ?? name)}`;
}
