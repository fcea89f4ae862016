import type { ClaimKey, ClaimsRepository } from './claims.repository.js';

/** A third of the lease: two beats may be lost. */
const BEAT_MS = 20_000;

/** Why a run stopped: another worker, or nobody, has its claim now. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';

  constructor() {
    super('another worker has this question, or none');
  }
}

/** How a run ended, and what of it is kept for retries: nothing of a stream. */
export interface RunEnd {
  /** JSON text of the sealed reply. */
  readonly reply: string | null;
  readonly frames: number;
  readonly finish: 'stop' | 'length' | 'tool_calls' | 'error';
  /** What the sealed reply tells where it is an error. */
  readonly code?: string | undefined;
}

/** How a claim ends, each time with its audit row in the same transaction. */
export interface Endings {
  /** With a reply; false if the claim was lost. */
  seal(key: ClaimKey, fence: number, end: RunEnd): Promise<boolean>;
  /** Without one. */
  abandon(key: ClaimKey, fence: number): Promise<void>;
}

/** One worker's hold on one question. What it may still do is decided by the database, by its fence. */
export class Lease {
  readonly #claims: ClaimsRepository;
  readonly #endings: Endings;
  readonly #key: ClaimKey;
  readonly #fence: number;
  readonly #lost = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  /** When the database last said that the claim is ours. */
  #shownMs = Number.NEGATIVE_INFINITY;
  /** Resolves when the hold has been let go of; set as soon as that begins. */
  #over: Promise<void> | undefined;

  constructor(claims: ClaimsRepository, endings: Endings, key: ClaimKey, fence: number) {
    this.#claims = claims;
    this.#endings = endings;
    this.#key = key;
    this.#fence = fence;
  }

  /** Aborts with {@link LeaseLost} when the claim is lost while the run goes on. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** To be asked before the head is sent or the model called; from then on the question is never run again. */
  async begin(): Promise<boolean> {
    const askedMs = performance.now();
    // guard: begin-first without:
    //   await this.#claims.begin(this.#key, this.#fence);
    //   const begun = true;
    const begun = await this.#claims.begin(this.#key, this.#fence);
    if (!begun) return false;
    this.#shownMs = askedMs;
    this.#timer = setInterval(() => void this.beat(), BEAT_MS).unref();
    return true;
  }

  /** To be asked before the end is signed. Nobody takes a claim over whose worker showed itself within the lease. */
  async isHeld(): Promise<boolean> {
    if (this.#lost.signal.aborted) return false;
    // guard: lease-held without: return true;
    return performance.now() - this.#shownMs < BEAT_MS || this.beat();
  }

  /** Shows a sign of life; false, and {@link lost}, if the claim is gone. A database that does not answer loses nothing yet. */
  async beat(): Promise<boolean> {
    const askedMs = performance.now();
    const alive = await this.#claims.beat(this.#key, this.#fence).catch(() => undefined);
    if (alive === true) this.#shownMs = askedMs;
    if (alive === false) this.#lost.abort(new LeaseLost());
    return alive !== false;
  }

  /** Ends the run and keeps its reply, if there is one to keep; false if the claim was lost. */
  async seal(end: RunEnd): Promise<boolean> {
    this.#stop();
    const sealed = await this.#endings.seal(this.#key, this.#fence, end);
    if (sealed) this.#over = Promise.resolve();
    return sealed;
  }

  /**
   * Gives the question up unless its run has ended; the asker's next try finds it free if nothing has happened yet.
   * However often it is asked for, it happens once. Never rejects: where the database does not answer, the lease runs
   * out by itself.
   */
  abandon(): Promise<void> {
    this.#stop();
    this.#over ??= this.#endings.abandon(this.#key, this.#fence).catch(() => {});
    return this.#over;
  }

  #stop(): void {
    clearInterval(this.#timer);
  }
}
