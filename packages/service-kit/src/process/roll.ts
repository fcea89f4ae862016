interface Entry<Member> {
  readonly member: Member;
  before: Entry<Member> | undefined;
  after: Entry<Member> | undefined;
}

/**
 * Those who are here, in the order in which they came. What comes and goes with each request stands in one, not in a Map
 * or a Set: where V8 makes those anew it leaves in the old table, for iterators, the way to the new one, so that one that
 * is in the old generation keeps all after it, with the requests that stood there, until that is collected
 * (docs/decisions/2026-12-11-what-goes-with-its-request.md). An entry that has left points to no other.
 */
export class Roll<Member> implements Iterable<Member> {
  #first: Entry<Member> | undefined;
  #last: Entry<Member> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Who has been here longest. */
  get first(): Member | undefined {
    return this.#first?.member;
  }

  /** @returns how to leave; calling it twice does no harm */
  join(member: Member): () => void {
    const entry: Entry<Member> = { member, before: this.#last, after: undefined };
    if (this.#last === undefined) this.#first = entry;
    else this.#last.after = entry;
    this.#last = entry;
    this.#size++;
    let isHere = true;
    return () => {
      if (!isHere) return;
      isHere = false;
      this.#remove(entry);
    };
  }

  /** All who are here now, whoever leaves meanwhile. */
  [Symbol.iterator](): Iterator<Member> {
    const all: Member[] = [];
    for (let entry = this.#first; entry !== undefined; entry = entry.after) all.push(entry.member);
    return all[Symbol.iterator]();
  }

  #remove(entry: Entry<Member>): void {
    const { before, after } = entry;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    entry.before = undefined;
    // guard: roll-forgets
    entry.after = undefined;
    this.#size--;
  }
}
