/**
 * How much of request bodies may be in memory at once. A body must be here before its digest, and so its signature, can
 * be checked: until then it may be any stranger's.
 */
export class BodyBudget {
  readonly #bytesMax: number;
  #taken = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get taken(): number {
    return this.#taken;
  }

  hasRoom(bytes: number): boolean {
    return this.#taken + bytes <= this.#bytesMax;
  }

  /** Sets bytes aside. False, and nothing set aside, if there are not so many left. */
  tryTake(bytes: number): boolean {
    if (!this.hasRoom(bytes)) return false;
    this.#taken += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#taken -= bytes;
  }
}
