import { Problem } from '@bulla/contract';

/** Runs at once in one process: most of them wait for their model. */
export interface RunLimits {
  /** Of all together. */
  readonly max: number;
  /** Of one key. */
  readonly perKey: number;
  /** Of all keys of one organisation. */
  readonly perOrganisation: number;
}

export const RUN_LIMITS: RunLimits = { max: 256, perKey: 32, perOrganisation: 128 };

/** Who asks: `urn#kid`, and the organisation it is of. */
export interface Asker {
  readonly keyid: string;
  readonly org: string;
}

const RETRY_AFTER_SECONDS = 1;
/** How long one waits for a run to end before it is told to come back. */
const WAIT_MS = 1_000;

interface Waiting {
  readonly asker: Asker;
  readonly enter: (leave: () => void) => void;
}

/**
 * Places for runs. One key and one organisation have so many at most, so that an asker who asks a slow model again and
 * again keeps nobody else out. Where all are taken, keys get the next ones in turn; how many requests of a key wait
 * does not matter.
 */
export class RunPlaces {
  readonly #limits: RunLimits;
  readonly #waitMs: number;
  #count = 0;
  readonly #ofKey = new Map<string, number>();
  readonly #ofOrganisation = new Map<string, number>();
  /** By key, the one whose turn is next first. */
  readonly #waiting = new Map<string, Set<Waiting>>();

  constructor(limits: RunLimits = RUN_LIMITS, waitMs = WAIT_MS) {
    this.#limits = limits;
    this.#waitMs = waitMs;
  }

  /** At work now. */
  get count(): number {
    return this.#count;
  }

  /** @returns how to give a place back, calling it twice is no harm; undefined where one has to wait */
  tryEnter(asker: Asker): (() => void) | undefined {
    // guard: runs-per-key
    if ((this.#ofKey.get(asker.keyid) ?? 0) >= this.#limits.perKey) throw tooMany('rate_limited');
    // guard: runs-per-organisation
    if ((this.#ofOrganisation.get(asker.org) ?? 0) >= this.#limits.perOrganisation) throw tooMany('overloaded');
    // guard: runs-max
    if (this.#count >= this.#limits.max) return undefined;
    return this.#take(asker);
  }

  /**
   * Waits for a place.
   * @param gone ends the wait
   * @throws {Problem} overloaded where none came in time; the reason of `gone`
   */
  async wait(asker: Asker, gone: AbortSignal): Promise<() => void> {
    gone.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const waiting = { asker, enter: resolve };
    const late = setTimeout(() => reject(tooMany('overloaded')), this.#waitMs);
    const left = () => reject(gone.reason as Error);
    gone.addEventListener('abort', left, { once: true });
    const ofKey = this.#waiting.get(asker.keyid) ?? new Set();
    this.#waiting.set(asker.keyid, ofKey.add(waiting));
    try {
      return await promise;
    } finally {
      clearTimeout(late);
      gone.removeEventListener('abort', left);
      this.#forget(waiting);
    }
  }

  #take({ keyid, org }: Asker): () => void {
    this.#count += 1;
    add(this.#ofKey, keyid, 1);
    add(this.#ofOrganisation, org, 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#count -= 1;
      add(this.#ofKey, keyid, -1);
      add(this.#ofOrganisation, org, -1);
      this.#letIn();
    };
  }

  /** The first key that may have one more; it comes last the next time. */
  #letIn(): void {
    for (const [keyid, [next]] of this.#waiting) {
      if (next === undefined || !this.#mayEnter(next.asker)) continue;
      const rest = this.#waiting.get(keyid) ?? new Set();
      this.#forget(next);
      this.#waiting.delete(keyid);
      if (rest.size > 0) this.#waiting.set(keyid, rest);
      next.enter(this.#take(next.asker));
      return;
    }
  }

  #mayEnter({ keyid, org }: Asker): boolean {
    const { perKey, perOrganisation } = this.#limits;
    return (this.#ofKey.get(keyid) ?? 0) < perKey && (this.#ofOrganisation.get(org) ?? 0) < perOrganisation;
  }

  #forget(waiting: Waiting): void {
    const ofKey = this.#waiting.get(waiting.asker.keyid);
    ofKey?.delete(waiting);
    if (ofKey?.size === 0) this.#waiting.delete(waiting.asker.keyid);
  }
}

function add(counts: Map<string, number>, name: string, more: number): void {
  const count = (counts.get(name) ?? 0) + more;
  if (count > 0) counts.set(name, count);
  else counts.delete(name);
}

function tooMany(code: 'rate_limited' | 'overloaded'): Problem {
  return new Problem(code, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}
