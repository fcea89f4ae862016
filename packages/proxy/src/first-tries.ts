import type { AppResponse } from '@bulla/client/apps';

/** How long a run that an app left goes on, for the retry that may come: SDKs wait at most 8 s. */
const RUNNING_MS = 10_000;
/** How long an answer that was not delivered is kept. */
const FINISHED_MS = 60_000;
/** How long a retry waits for the proxy to see that the app left its first try. */
const LEAVING_MS = 1_000;
/** Most bytes of questions and characters of answers that are kept, and most tries. */
const KEPT_MAX = 32 * 1024 * 1024;
const TRIES_MAX = 64;

/** One try of an app to get an answer: a run under way, or its end. */
export interface Try {
  readonly answer: Promise<AppResponse>;
}

interface Tried extends Try {
  /** What a retry of it has, too: a digest of bearer, path and body; undefined where no retry would say that it is one. */
  readonly key: string | undefined;
  readonly ending: AbortController;
  /** Of question and answer. */
  size: number;
  /** Whether the app of the last try is gone without the answer. */
  isLeft: boolean;
  /** Told when the app is gone, with or without the answer. */
  readonly waiting: Set<() => void>;
  timer: NodeJS.Timeout | undefined;
}

export interface FirstTriesOptions {
  readonly runningMs?: number;
  readonly finishedMs?: number;
  readonly leavingMs?: number;
}

/**
 * Tries whose answer did not reach the app. An app that gave up waiting asks again, as SDKs do by themselves: it gets the
 * answer that it asked for first, and the run is charged once. Memory and time are bounded.
 */
export class FirstTries {
  readonly #tries = new Set<Tried>();
  readonly #limits: Required<FirstTriesOptions>;

  constructor({ runningMs = RUNNING_MS, finishedMs = FINISHED_MS, leavingMs = LEAVING_MS }: FirstTriesOptions = {}) {
    this.#limits = { runningMs, finishedMs, leavingMs };
  }

  /**
   * Begins a run.
   * @param key undefined where a retry could not be told from a new question.
   * @param size of the question in bytes.
   */
  begin(key: string | undefined, size: number, ask: (signal: AbortSignal) => Promise<AppResponse>): Try {
    const ending = new AbortController();
    const waiting = new Set<() => void>();
    const tried: Tried = { key, ending, size, answer: ask(ending.signal), isLeft: false, waiting, timer: undefined };
    this.#tries.add(tried);
    return tried;
  }

  /** The try that a retry repeats, if its app left it without the answer; it belongs to the retry from now on. */
  async resume(key: string): Promise<Try | undefined> {
    const same = [...this.#tries].filter((tried) => tried.key === key);
    if (same.length === 0) return undefined;
    const left = same.find(({ isLeft }) => isLeft) ?? (await this.#leftSoon(same));
    // guard: proxy-retry-once
    if (left === undefined) return undefined;
    left.isLeft = false;
    clearTimeout(left.timer);
    return left;
  }

  /** The app has its answer. */
  delivered(tried: Try): void {
    this.#forget(tried as Tried);
  }

  /**
   * The app is gone without its answer.
   * @param mayAskAgain whether it would: no SDK does that once it has seen a part of a stream.
   */
  left(given: Try, mayAskAgain: boolean): void {
    const tried = given as Tried;
    if (!this.#tries.has(tried)) return;
    // guard: proxy-leaver-stops without: if (false)
    if (tried.key === undefined || !mayAskAgain) return this.#stop(tried, 'the app left');
    tried.isLeft = true;
    this.#stopAfter(tried, this.#limits.runningMs);
    this.#bound();
    tell(tried);
    void this.#keepFinished(tried);
  }

  /** Stops all runs. */
  stop(): void {
    for (const tried of this.#tries) this.#stop(tried, 'the proxy stops');
  }

  /** The first of these that its app leaves in a moment: the end of its connection may be on its way. */
  async #leftSoon(same: readonly Tried[]): Promise<Tried | undefined> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#limits.leavingMs);
      const told = (): void => {
        clearTimeout(timer);
        resolve();
      };
      for (const { waiting } of same) waiting.add(told);
    });
    return same.find((tried) => tried.isLeft && this.#tries.has(tried));
  }

  /** A whole answer costs nothing more while it is kept. */
  async #keepFinished(tried: Tried): Promise<void> {
    const { body } = await tried.answer;
    if (!tried.isLeft || typeof body !== 'string') return;
    tried.size += body.length;
    this.#stopAfter(tried, this.#limits.finishedMs);
    this.#bound();
  }

  #stopAfter(tried: Tried, ms: number): void {
    clearTimeout(tried.timer);
    tried.timer = setTimeout(() => this.#stop(tried, 'no retry came'), ms);
    tried.timer.unref();
  }

  /** Gives up the oldest of what is kept for nobody, where it is too much. */
  #bound(): void {
    const left = [...this.#tries].filter(({ isLeft }) => isLeft);
    let size = left.reduce((sum, tried) => sum + tried.size, 0);
    for (let index = 0; size > KEPT_MAX || left.length - index > TRIES_MAX; index++) {
      const oldest = left[index];
      if (oldest === undefined) return;
      size -= oldest.size;
      this.#stop(oldest, 'too much is kept');
    }
  }

  #stop(tried: Tried, why: string): void {
    this.#forget(tried);
    tried.ending.abort(new Error(why));
    void closeBody(tried);
  }

  #forget(tried: Tried): void {
    clearTimeout(tried.timer);
    tried.isLeft = false;
    this.#tries.delete(tried);
    tell(tried);
  }
}

/** Nobody takes the events of a stream that was stopped. */
async function closeBody({ answer }: Tried): Promise<void> {
  const { body } = await answer;
  if (typeof body !== 'string') await body[Symbol.asyncIterator]().return?.();
}

function tell({ waiting }: Tried): void {
  for (const told of waiting) told();
  waiting.clear();
}
