/** What a request holds while it is at work, or waits for. */
export interface Place {
  /** Why it may not begin; undefined, at once or when others have ended, if it may. */
  readonly granted: Promise<NoPlace | undefined>;
  /** Leaves it to others while somebody else has to act. */
  rest(): void;
  /** Takes one again, before all who have not begun: their work is done in part already. */
  resume(): Promise<void>;
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
  /** After a refusal nobody waits for so long; the next one begins it anew. */
  readonly crowdedMs: number;
}

type State = 'waiting' | 'working' | 'resting' | 'returning' | 'gone';

/** Places for so many requests at work; some more wait a moment, who came first goes first (performance.md §10). */
export class Places {
  readonly #options: PlacesOptions;
  #taken = 0;
  readonly #waiting = new Set<() => void>();
  readonly #returning = new Set<() => void>();
  #crowdedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Why who comes now is refused at once, if that is so. */
  turnAway(): NoPlace | undefined {
    const { max, waitingMax } = this.#options;
    if (this.#taken < max) return undefined;
    const isCrowded = performance.now() < this.#crowdedUntilMs;
    if (!isCrowded && this.#waiting.size < waitingMax) return undefined;
    this.#noteRefusal();
    return 'queue_full';
  }

  ask(): Place {
    const refused = this.turnAway();
    if (refused !== undefined) return noPlace(refused);
    if (this.#taken >= this.#options.max) return this.#queued();
    this.#taken++;
    return this.#placeOf('working', Promise.resolve(undefined));
  }

  #queued(): Place {
    const { promise, resolve } = Promise.withResolvers<NoPlace | undefined>();
    const leave = () => {
      clearTimeout(timer);
      this.#waiting.delete(enter);
    };
    const place = this.#placeOf('waiting', promise, () => {
      leave();
      resolve('queue_late');
    });
    const enter = () => {
      leave();
      this.#taken++;
      place.state = 'working';
      resolve(undefined);
    };
    const refuse = () => {
      this.#noteRefusal();
      place.release();
    };
    const timer = setTimeout(refuse, this.#options.waitMs);
    this.#waiting.add(enter);
    return place;
  }

  /** There are more than can be served, and waiting helps nobody. */
  #noteRefusal(): void {
    this.#crowdedUntilMs = performance.now() + this.#options.crowdedMs;
  }

  /** @param stopWaiting for one that has not begun. */
  #placeOf(
    first: State,
    granted: Promise<NoPlace | undefined>,
    stopWaiting: () => void = () => {},
  ): Place & { state: State } {
    let stopReturning = () => {};
    const place = {
      state: first,
      granted,
      rest: () => {
        if (place.state !== 'working') return;
        place.state = 'resting';
        this.#free();
      },
      resume: async () => {
        if (place.state !== 'resting') return;
        if (this.#taken < this.#options.max) {
          this.#taken++;
          place.state = 'working';
          return;
        }
        place.state = 'returning';
        const { promise, resolve } = Promise.withResolvers<void>();
        const enter = () => {
          this.#returning.delete(enter);
          this.#taken++;
          place.state = 'working';
          resolve();
        };
        stopReturning = () => {
          this.#returning.delete(enter);
          resolve();
        };
        this.#returning.add(enter);
        await promise;
      },
      release: () => {
        const { state } = place;
        place.state = 'gone';
        if (state === 'waiting') stopWaiting();
        if (state === 'returning') stopReturning();
        if (state === 'working') this.#free();
      },
    };
    return place;
  }

  #free(): void {
    this.#taken--;
    // The longest waiting: a set keeps the order in which its members came.
    const [next] = this.#returning.size > 0 ? this.#returning : this.#waiting;
    next?.();
  }
}

function noPlace(why: NoPlace): Place {
  return { granted: Promise.resolve(why), rest: () => {}, resume: async () => {}, release: () => {} };
}
