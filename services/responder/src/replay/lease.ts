import type { RunUsage } from '../usage/run-usage.js';
import type { ClaimsRepository, Held } from './claims.repository.js';
import { BEAT_MS } from './heartbeats.js';
import type { Heartbeats, Kept } from './heartbeats.js';

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
  /** SHA-256 of the signed fin in base64url. */
  readonly fin: string;
}

/** How a claim ends, each time with its audit row in the same transaction. */
export interface Endings {
  /** With a reply; false if the claim was lost. */
  seal(held: Held, end: RunEnd, usage: RunUsage | undefined): Promise<boolean>;
  /** Without one. */
  abandon(held: Held, usage: RunUsage | undefined): Promise<void>;
}

/** What a lease asks: the database, what keeps it alive, and what writes down its end. */
export interface LeaseParts {
  readonly claims: Pick<ClaimsRepository, 'begin' | 'beat'>;
  readonly heartbeats: Pick<Heartbeats, 'add'>;
  readonly endings: Endings;
}

/** One worker's hold on one question. What it may still do is decided by the database, by its fence. */
export class Lease implements Kept {
  readonly held: Held;
  readonly #parts: LeaseParts;
  readonly #lost = new AbortController();
  /** When the database last said that the claim is ours. */
  #shownMs = Number.NEGATIVE_INFINITY;
  #usage: (isAnswered: boolean) => RunUsage | undefined = () => undefined;
  /** Ends its signs of life. */
  #stop: () => void = () => {};
  /** Resolves when the hold has been let go of; set as soon as that begins. */
  #over: Promise<void> | undefined;

  constructor(parts: LeaseParts, held: Held) {
    this.#parts = parts;
    this.held = held;
  }

  /** Aborts with {@link LeaseLost} when the claim is lost while the run goes on. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** @param usage says, when the run ends, what it is counted as, with or without an answer; without it a run is not counted. */
  countAs(usage: (isAnswered: boolean) => RunUsage | undefined): void {
    this.#usage = usage;
  }

  /** To be asked before the head is sent or the model called; from then on the question is never run again. */
  async begin(): Promise<boolean> {
    const { claims, heartbeats } = this.#parts;
    const askedMs = performance.now();
    // guard: begin-first without:
    //   await claims.begin(this.held, this.held.fence);
    //   const begun = true;
    const begun = await claims.begin(this.held, this.held.fence);
    if (!begun) return false;
    this.shown(askedMs);
    this.#stop = heartbeats.add(this);
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
    const alive = await this.#parts.claims.beat(this.held, this.held.fence).catch(() => undefined);
    if (alive === true) this.shown(askedMs);
    if (alive === false) this.lose();
    return alive !== false;
  }

  /** Notes that the claim was ours when the database was asked. */
  shown(askedMs: number): void {
    this.#shownMs = askedMs;
  }

  /** Notes that the claim is gone. */
  lose(): void {
    this.#stop();
    this.#lost.abort(new LeaseLost());
  }

  /** Ends the run and keeps its reply, if there is one to keep; false if the claim was lost. */
  async seal(end: RunEnd): Promise<boolean> {
    this.#stop();
    const sealed = await this.#parts.endings.seal(this.held, end, this.#usage(true));
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
    this.#over ??= this.#parts.endings.abandon(this.held, this.#usage(false)).catch(() => {});
    return this.#over;
  }
}
