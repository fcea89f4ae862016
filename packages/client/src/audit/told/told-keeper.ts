import type { TreeHead } from '@bulla/crypto/log';
import type { TrustKeeper } from '../../trust/trust-keeper.js';
import type { TrustState } from '../../trust/trust-store.js';
import type { ToldHead } from './told-heads.js';
import { contradicted, forkOf, toldHead, withTold } from './told-heads.js';

type Kept = Pick<TrustState, 'heads' | 'told'>;

/** So many notes are known by heart: a responder says the same one until its log grows. */
const NOTES_MAX = 64;

/**
 * Keeps the heads that verified answers carry. The first is stored before its answer is told; of those that follow within
 * a moment each is held against what is known at once, and they are stored together at its end: a store of files takes as
 * long as a signature, and a busy asker gets another head with nearly every answer.
 */
export class ToldKeeper {
  readonly #keeper: TrustKeeper;
  readonly #withinMs: number;
  readonly #notes = new Set<string>();
  /** What is stored, and what is about to be. */
  #known: Kept | undefined;
  #pending: ToldHead[] = [];
  #storedMs = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What went wrong while nobody waited: the next answer is refused for it. */
  #fault: { readonly error: unknown } | undefined;

  /** @param withinMs how long heads may wait for the store, in milliseconds; 0 stores each before its answer is told. */
  constructor(keeper: TrustKeeper, withinMs: number) {
    this.#keeper = keeper;
    this.#withinMs = withinMs;
  }

  /**
   * Keeps the head that a verified answer carries.
   * @param note the signed checkpoint, verified.
   * @throws {VerifyError} log_inconsistent (fork) if it contradicts one that is kept; both are kept then
   */
  async keep(note: string): Promise<void> {
    this.#throwFault();
    if (this.#notes.has(note)) return;
    const head = toldHead(note);
    const isForked = this.#known !== undefined && contradicted(this.#known, head) !== undefined;
    const waitedMs = performance.now() - this.#storedMs;
    if (
      isForked || // guard: told-fork-gathered
      this.#known === undefined ||
      waitedMs >= this.#withinMs
    ) {
      await this.#store([...this.#take(), head]);
      this.#note(note);
      return;
    }
    this.#known = withTold(this.#known, head);
    this.#pending.push(head);
    this.#note(note);
    this.#timer ??= setTimeout(() => void this.#storeAlone(), this.#withinMs - waitedMs);
  }

  /** Stores what waits. @throws {VerifyError} as keep, for one that waited */
  async flush(): Promise<void> {
    const waiting = this.#take();
    if (waiting.length > 0) await this.#store(waiting);
    this.#throwFault();
  }

  async #storeAlone(): Promise<void> {
    try {
      await this.#store(this.#take());
    } catch (error) {
      this.#fault = { error };
    }
  }

  #take(): ToldHead[] {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return this.#pending.splice(0);
  }

  async #store(heads: readonly ToldHead[]): Promise<void> {
    this.#storedMs = performance.now();
    let other: { readonly head: ToldHead; readonly than: TreeHead } | undefined;
    try {
      await this.#keeper.change((state) => {
        let next = state;
        for (const head of heads) {
          const than = contradicted(next, head);
          if (than !== undefined) other ??= { head, than };
          next = withTold(next, head);
        }
        this.#known = next;
        return next;
      });
    } catch (error) {
      // Nothing was stored: they wait for the next time.
      this.#pending.unshift(...heads);
      throw error;
    }
    // guard: told-fork
    if (other !== undefined) throw forkOf(other.head);
  }

  #note(note: string): void {
    this.#notes.add(note);
    const [oldest] = this.#notes;
    if (this.#notes.size > NOTES_MAX && oldest !== undefined) this.#notes.delete(oldest);
  }

  #throwFault(): void {
    const fault = this.#fault;
    this.#fault = undefined;
    // guard: told-fault
    if (fault !== undefined) throw fault.error;
  }
}
