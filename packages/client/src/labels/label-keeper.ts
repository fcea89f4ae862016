import type { ChainTuple } from '@bulla/crypto';
import { CryptoError } from '@bulla/crypto';
import { BullaError, bullaError } from '../connection/errors.js';
import { forked, forkOf, remade } from './label-forks.js';
import type { EarlierHead, LabelFork, RememberedLabel } from './label-heads.js';
import type { Remembering, ShownPosition } from './label-memory.js';
import {
  movesSince,
  rememberedOf,
  remembering,
  requireAfter,
  tupleOf,
  withEarlierHead,
  withFork,
  withoutForks,
  withHead,
  withoutHead,
} from './label-memory.js';
import type { TrustKeeper } from '../trust/trust-keeper.js';
import type { OpenedContent, SeenName } from '../trust/trust-store.js';
import { knownContent, seenOf, withOpened } from '../trust/trust-store.js';

/** A position that comes after what was remembered, and the moves between. */
interface Followed {
  readonly shown: ShownPosition;
  readonly remembered: RememberedLabel | undefined;
  readonly moves: readonly ChainTuple[];
}

/** Holds what this client has seen of labels and contents: none of it is ever contradicted unseen. */
export class LabelKeeper {
  readonly #keeper: TrustKeeper;
  /** Seconds. */
  readonly #now: () => number;

  constructor(keeper: TrustKeeper, now: () => number) {
    this.#keeper = keeper;
    this.#now = now;
  }

  /** What was seen of a prompt name before. */
  async seen(name: string): Promise<SeenName | undefined> {
    return seenOf(await this.#keeper.state(), name);
  }

  /** What was seen of any prompt name up to now. */
  async seenOfAll(): Promise<(name: string) => SeenName | undefined> {
    const names = new Map((await this.#keeper.state())?.names);
    return (name) => names.get(name);
  }

  /**
   * Takes a position that its tags prove, if it is what is remembered of the label or comes after it; what is remembered is
   * written before this returns. Another process may have gone on meanwhile: then the position may be used for what was
   * asked for, and is not written.
   * @param before what was seen of the name before the position was asked for.
   * @param movesAfter reads the moves after a number, in order, up to the position.
   * @param judge whether it may be remembered, where it comes after what is; throws where it may not be used at all.
   * @returns whether it is the newest that is remembered now.
   * @throws {TrustError} trust_rollback for an older position, or one that does not come after it; both are kept
   */
  async accept(
    shown: ShownPosition,
    before: SeenName | undefined,
    movesAfter: (seq: number) => Promise<readonly ChainTuple[]>,
    judge: () => Promise<boolean> = () => Promise.resolve(true),
  ): Promise<boolean> {
    let seen = before;
    for (;;) {
      const { remembered, moves } = await this.#follow(shown, seen, movesAfter);
      if (!(await judge())) return false;
      let outcome: Remembering | undefined;
      await this.#keeper.change((state) => {
        outcome = remembering(state, shown, remembered, moves);
        return outcome.kind === 'newest' ? outcome.state : state;
      });
      if (outcome?.kind !== 'changed') return outcome?.kind === 'newest';
      seen = await this.seen(shown.name);
    }
  }

  /**
   * As accept, for many labels that were asked for at once, in one change of the store.
   * @param before what was seen of them before they were asked for.
   * @returns of each whether it is the newest that is remembered now, or why it was not followed
   */
  async acceptAll(
    positions: readonly ShownPosition[],
    before: (name: string) => SeenName | undefined,
    movesAfter: (shown: ShownPosition, seq: number) => Promise<readonly ChainTuple[]>,
  ): Promise<Map<ShownPosition, boolean | BullaError>> {
    const outcomes = new Map<ShownPosition, boolean | BullaError>();
    const good: Followed[] = [];
    for (const shown of positions) {
      try {
        good.push(await this.#follow(shown, before(shown.name), (seq) => movesAfter(shown, seq)));
      } catch (error) {
        if (!(error instanceof BullaError)) throw error;
        outcomes.set(shown, error);
      }
    }
    await this.#keeper.change((state) =>
      good.reduce((current, { shown, remembered, moves }) => {
        const outcome = remembering(current, shown, remembered, moves);
        outcomes.set(shown, outcome.kind === 'newest');
        return outcome.kind === 'newest' ? outcome.state : current;
      }, state),
    );
    return outcomes;
  }

  /** Replaces what is remembered of a label, whatever it was: a person decided. */
  async adopt(shown: ShownPosition | (EarlierHead & { readonly name: string; readonly sub: string })): Promise<void> {
    await this.#keeper.change((state) => {
      const current = withoutForks(state, shown);
      const adopted = this.#now();
      if ('pos' in shown) return withHead(withoutHead(current, shown), { ...shown, adopted }, [tupleOf(shown)]);
      const { name, sub, label, seq } = shown;
      return withEarlierHead(current, name, sub, { label, seq });
    });
  }

  /** Pairs of positions that contradict each other and that nobody has settled, the newest last. */
  async forks(): Promise<readonly LabelFork[]> {
    return (await this.#keeper.state())?.forks ?? [];
  }

  /** Checks that a position comes after what was remembered of its label, and finds the moves that led to it. */
  async #follow(
    shown: ShownPosition,
    seen: SeenName | undefined,
    movesAfter: (seq: number) => Promise<readonly ChainTuple[]>,
  ): Promise<Followed> {
    const remembered = rememberedOf(seen, shown.label);
    const moves = remembered === undefined ? [tupleOf(shown)] : await movesSince(remembered, shown, movesAfter);
    if (remembered !== undefined) await this.#requireAfter(remembered, shown, moves);
    // Without a memory of the label, nothing says that it moved to another prompt after it was at the one known.
    // guard: client-label-remade
    else if (seen !== undefined && seen.sub !== shown.sub) throw remade(shown);
    return { shown, remembered, moves };
  }

  async #requireAfter(remembered: RememberedLabel, shown: ShownPosition, moves: readonly ChainTuple[]): Promise<void> {
    try {
      // guard: client-label-after
      await requireAfter(remembered, shown, moves);
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      const fork = forkOf(remembered, shown, this.#now());
      // guard: client-fork-kept
      await this.#keeper.change((state) => withFork(state, fork));
      throw forked(remembered, shown, error.check ?? 'tag-fork');
    }
  }

  /**
   * Remembers what a version opened to. A version never changes: its author and the vault together could show another
   * text under a number that was read.
   * @throws {VerifyError} envelope_tampered (content-seen) if this machine knows another content under this number
   */
  async rememberOpened(name: string, content: OpenedContent): Promise<void> {
    await this.#keeper.change((state) => {
      const known = knownContent(state, content);
      // guard: client-content-seen
      if (known !== undefined && known !== content.chash) {
        const message = `this machine has seen another content as version ${content.version} of ${name}`;
        throw bullaError('envelope_tampered', { message, check: 'content-seen', origin: 'client' });
      }
      return withOpened(state, content);
    });
  }
}
