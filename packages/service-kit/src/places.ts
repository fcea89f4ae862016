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
  /** Longest wait while others have waited for nothing: there are more than can be served, and a wait changes nothing. */
  readonly crowdedWaitMs: number;
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

  /** Whether who asks now is refused at once. */
  get full(): boolean {
    return this.#taken >= this.#options.max && this.#waiting.size >= this.#options.waitingMax;
  }

  ask(): Place {
    if (this.full) return noPlace('queue_full');
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
    const timer = setTimeout(() => this.#refuseLate(place), this.#patienceMs());
    this.#waiting.add(enter);
    return place;
  }

  /** Somebody waited for nothing: until as much time has passed again, nobody else waits as long. */
  #refuseLate(place: Place): void {
    this.#crowdedUntilMs = performance.now() + this.#options.waitMs;
    place.release();
  }

  #patienceMs(): number {
    const { waitMs, crowdedWaitMs } = this.#options;
    return performance.now() < this.#crowdedUntilMs ? Math.min(crowdedWaitMs, waitMs) : waitMs;
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
