/** What a request holds while it is at work, or waits for. */
export interface Place {
  /** Why it may not begin; undefined, at once or when others have ended, if it may. */
  readonly granted: Promise<NoPlace | undefined>;
  /** Gives it back, or stops waiting for it. Calling it twice is no harm. */
  release(): void;
}

/** Why there is no place: all who may wait do, it waited too long, the service ends, the process cannot keep up. */
export type NoPlace = 'queue_full' | 'queue_late' | 'draining' | 'event_loop';

export interface PlacesOptions {
  /** At work at once. */
  readonly max: number;
  /** Waiting at once; beyond, the answer comes at once. */
  readonly waitingMax: number;
  /** Longest wait: an answer that comes too late helps nobody. */
  readonly waitMs: number;
}

/** Places for so many requests at work; some more wait a moment, who came first goes first (performance.md §10). */
export class Places {
  readonly #options: PlacesOptions;
  #taken = 0;
  readonly #waiting = new Set<() => void>();

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whether who asks now is refused at once. */
  get full(): boolean {
    return this.#taken >= this.#options.max && this.#waiting.size >= this.#options.waitingMax;
  }

  ask(): Place {
    if (this.full) return noPlace('queue_full');
    if (this.#taken >= this.#options.max) return this.#queued();
    this.#taken++;
    return this.#held(Promise.resolve(undefined));
  }

  #queued(): Place {
    const { promise, resolve } = Promise.withResolvers<NoPlace | undefined>();
    let held: Place | undefined;
    const leave = () => {
      clearTimeout(timer);
      this.#waiting.delete(enter);
    };
    const enter = () => {
      leave();
      this.#taken++;
      held = this.#held(promise);
      resolve(undefined);
    };
    const giveUp = () => {
      leave();
      resolve('queue_late');
    };
    const timer = setTimeout(giveUp, this.#options.waitMs);
    this.#waiting.add(enter);
    return { granted: promise, release: () => (held === undefined ? giveUp() : held.release()) };
  }

  #held(granted: Promise<NoPlace | undefined>): Place {
    let isHeld = true;
    const release = () => {
      if (!isHeld) return;
      isHeld = false;
      this.#taken--;
      // The longest waiting: a set keeps the order in which its members came.
      const [next] = this.#waiting;
      next?.();
    };
    return { granted, release };
  }
}

function noPlace(why: NoPlace): Place {
  return { granted: Promise.resolve(why), release: () => {} };
}
