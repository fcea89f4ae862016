import { Roll } from '../process/roll.js';

/**
 * Who a request is of, as far as anybody knows: of nobody that could be known, of who it says that has signed it, or
 * of a caller whose signature was verified.
 */
export type Standing = (typeof STANDINGS)[number];

export const STANDINGS = ['verified', 'claimed', 'stranger'] as const;

/** What a request holds while it is at work, or waits for. */
export interface Place {
  /** Why it may not begin; undefined if it may. A promise where that is known when others have ended. */
  readonly granted: Promise<NoPlace | undefined> | NoPlace | undefined;
  /** Its caller is known now: it does not hold one of the places that strangers have to share. */
  verify(): void;
  /** Leaves it to others while somebody else has to act. */
  rest(): void;
  /** Takes one again, before all who have not begun: their work is done in part already. */
  resume(): Promise<void>;
  /** Gives it back, or stops waiting for it. A second call does no harm. */
  release(): void;
}

/** Why there is no place: all who may wait do, it waited too long, the service ends, the process cannot keep up. */
export type NoPlace = 'queue_full' | 'queue_late' | 'draining' | 'event_loop';

export interface PlacesOptions {
  /** At work at once. */
  readonly max: number;
  /** Of one standing waiting at once; beyond, the answer comes at once. */
  readonly waitingMax: number;
  /** Longest wait: an answer that comes too late helps nobody. */
  readonly waitMs: number;
  /** After a refusal nobody of that standing waits for so long; the next one begins it anew. */
  readonly crowdedMs: number;
}

type State = 'waiting' | 'working' | 'resting' | 'returning' | 'gone';

/** Those of one standing that wait. */
class Queue {
  readonly waiting = new Roll<{ readonly enter: () => void; readonly asked: number }>();
  readonly returning = new Roll<() => void>();
  crowdedUntilMs = Number.NEGATIVE_INFINITY;
}

/**
 * Places for so many requests at work. Some more wait a moment; the one that came first goes first
 * (docs/decisions/2026-11-25-limits.md#places). Requests without a signature get half of them at most. A
 * quarter is only for callers whose signature is verified.
 */
export class Places {
  readonly #options: PlacesOptions;
  readonly #strangersMax: number;
  readonly #unverifiedMax: number;
  readonly #taken: Record<Standing, number> = { stranger: 0, claimed: 0, verified: 0 };
  readonly #queues: Readonly<Record<Standing, Queue>> = {
    stranger: new Queue(),
    claimed: new Queue(),
    verified: new Queue(),
  };
  #asked = 0;

  constructor(options: PlacesOptions) {
    this.#options = options;
    this.#strangersMax = Math.max(1, Math.floor(options.max / 2));
    this.#unverifiedMax = options.max - Math.floor(options.max / 4);
  }

  get waiting(): number {
    return Object.values(this.#queues).reduce((sum, { waiting }) => sum + waiting.size, 0);
  }

  /** How many of a standing are at work. */
  taken(standing: Standing): number {
    return this.#taken[standing];
  }

  /** Why who comes now is refused at once, if that is so. */
  turnAway(standing: Standing): NoPlace | undefined {
    if (this.#hasRoom(standing)) return undefined;
    const { crowdedUntilMs, waiting } = this.#queues[standing];
    const isCrowded = performance.now() < crowdedUntilMs;
    if (!isCrowded && waiting.size < this.#options.waitingMax) return undefined;
    this.#noteRefusal(standing);
    return 'queue_full';
  }

  ask(standing: Standing): Place {
    const refused = this.turnAway(standing);
    if (refused !== undefined) return noPlace(refused);
    if (!this.#hasRoom(standing)) return this.#queued(standing);
    this.#taken[standing]++;
    return this.#placeOf(standing, 'working', undefined);
  }

  #hasRoom(standing: Standing): boolean {
    const { stranger, claimed, verified } = this.#taken;
    if (stranger + claimed + verified >= this.#options.max) return false;
    // guard: places-strangers
    if (standing === 'stranger' && stranger >= this.#strangersMax) return false;
    // guard: places-unverified
    if (standing !== 'verified' && stranger + claimed >= this.#unverifiedMax) return false;
    return true;
  }

  #queued(standing: Standing): Place {
    const { waiting } = this.#queues[standing];
    const { promise, resolve } = Promise.withResolvers<NoPlace | undefined>();
    const leave = () => {
      clearTimeout(timer);
      leaveQueue();
    };
    const place = this.#placeOf(standing, 'waiting', promise, () => {
      leave();
      resolve('queue_late');
    });
    const enter = () => {
      leave();
      this.#taken[standing]++;
      place.state = 'working';
      resolve(undefined);
    };
    const refuse = () => {
      this.#noteRefusal(standing);
      place.release();
    };
    const timer = setTimeout(refuse, this.#options.waitMs);
    const leaveQueue = waiting.join({ enter, asked: this.#asked++ });
    return place;
  }

  /** There are more than can be served, and waiting helps nobody. */
  #noteRefusal(standing: Standing): void {
    this.#queues[standing].crowdedUntilMs = performance.now() + this.#options.crowdedMs;
  }

  /** @param stopWaiting for one that has not begun. */
  #placeOf(
    first: Standing,
    began: State,
    granted: Place['granted'],
    stopWaiting: () => void = () => {},
  ): Place & { state: State } {
    let standing = first;
    let stopReturning = () => {};
    const place = {
      state: began,
      granted,
      verify: () => {
        if (place.state === 'working') {
          this.#taken[standing]--;
          this.#taken.verified++;
        }
        standing = 'verified';
        this.#letIn();
      },
      rest: () => {
        if (place.state !== 'working') return;
        place.state = 'resting';
        this.#free(standing);
      },
      resume: async () => {
        if (place.state !== 'resting') return;
        if (this.#hasRoom(standing)) {
          this.#taken[standing]++;
          place.state = 'working';
          return;
        }
        place.state = 'returning';
        const { returning } = this.#queues[standing];
        const { promise, resolve } = Promise.withResolvers<void>();
        const leave = returning.join(() => {
          leave();
          this.#taken[standing]++;
          place.state = 'working';
          resolve();
        });
        stopReturning = () => {
          leave();
          resolve();
        };
        await promise;
      },
      release: () => {
        const { state } = place;
        place.state = 'gone';
        if (state === 'waiting') stopWaiting();
        if (state === 'returning') stopReturning();
        if (state === 'working') this.#free(standing);
      },
    };
    return place;
  }

  #free(standing: Standing): void {
    this.#taken[standing]--;
    this.#letIn();
  }

  #letIn(): void {
    for (let enter = this.#next(); enter !== undefined; enter = this.#next()) enter();
  }

  /** Who returns, a caller first; else the longest waiting of those that may. */
  #next(): (() => void) | undefined {
    let longest: { readonly enter: () => void; readonly asked: number } | undefined;
    for (const standing of STANDINGS) {
      if (!this.#hasRoom(standing)) continue;
      const { returning, waiting } = this.#queues[standing];
      if (returning.first !== undefined) return returning.first;
      const next = waiting.first;
      if (next !== undefined && (longest === undefined || next.asked < longest.asked)) longest = next;
    }
    return longest?.enter;
  }
}

function noPlace(why: NoPlace): Place {
  const nothing = () => {};
  return { granted: why, verify: nothing, rest: nothing, resume: async () => {}, release: nothing };
}
