/** How many uses of a KEK are reserved at once; what a process does not use up before it ends is lost. */
export const USES_BLOCK = 1_024;

/** Uses that this process has reserved and not used, by KEK. */
export class UseBlocks {
  readonly #left = new Map<string, number>();
  readonly #coming = new Map<string, Promise<boolean>>();

  /**
   * Takes one use of what is reserved, or of a new block: a use is counted before it takes place.
   * @param reserve puts a block down in the database; once for all who ask meanwhile
   * @returns false where nothing can be reserved
   */
  async take(kek: string, reserve: (uses: number) => Promise<boolean>): Promise<boolean> {
    for (;;) {
      const left = this.#left.get(kek) ?? 0;
      if (left > 0) {
        if (left === 1) this.#left.delete(kek);
        else this.#left.set(kek, left - 1);
        return true;
      }
      const coming = this.#coming.get(kek) ?? this.#bring(kek, reserve);
      this.#coming.set(kek, coming);
      if (!(await coming)) return false;
    }
  }

  async #bring(kek: string, reserve: (uses: number) => Promise<boolean>): Promise<boolean> {
    try {
      const isReserved = await reserve(USES_BLOCK);
      if (isReserved) this.#left.set(kek, (this.#left.get(kek) ?? 0) + USES_BLOCK);
      return isReserved;
    } finally {
      this.#coming.delete(kek);
    }
  }
}
