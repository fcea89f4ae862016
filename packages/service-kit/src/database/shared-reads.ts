/** A read that takes longer holds nobody back who comes after it. */
const SLOW_MS = 250;

interface Going<Value> {
  /** Settles once the read is over, or is slow; never rejects. */
  readonly isOver: Promise<void>;
  /** What those wait for who came since it began. */
  next?: Promise<Value>;
}

/**
 * Reads the same thing once for all who ask for it at about the same moment. Nothing is remembered: what one is told was
 * read after he asked. While a read is on its way, those that come wait and share the next; where none is, one begins at
 * once (docs/decisions/2026-12-05-reads-together.md).
 */
export class SharedReads<Value> {
  readonly #going = new Map<string, Going<Value>>();

  /**
   * @param key of all that the read depends on.
   * @param read of which only one of those with the same key is called.
   * @returns what was read: the same object for all, which nobody changes
   * @throws whatever the read throws, to all who share it
   */
  run(key: string, read: () => Promise<Value>): Promise<Value> {
    const going = this.#going.get(key);
    // guard: shared-reads-later without: if (going !== undefined) return (going.next ??= this.#begin(key, read));
    if (going !== undefined) return (going.next ??= going.isOver.then(() => this.#begin(key, read)));
    return this.#begin(key, read);
  }

  #begin(key: string, read: () => Promise<Value>): Promise<Value> {
    const result = read();
    const { promise: isOver, resolve } = Promise.withResolvers<void>();
    const going: Going<Value> = { isOver };
    this.#going.set(key, going);
    const slow = setTimeout(resolve, SLOW_MS).unref();
    const end = () => {
      clearTimeout(slow);
      resolve();
    };
    result.then(end, end);
    void this.#leave(key, going);
    return result;
  }

  /** Where somebody waits, the next read takes the place. */
  async #leave(key: string, going: Going<Value>): Promise<void> {
    await going.isOver;
    if (going.next === undefined) this.#going.delete(key);
  }
}
