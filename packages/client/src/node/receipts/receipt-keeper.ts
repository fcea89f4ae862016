import type { Answer, AnsweredPrompt } from '../../runs/answer.js';
import type { AnswerKeeper } from '../../apps/app-request.js';
import type { ReceiptFolder } from './receipt-folder.js';
import { ReceiptSealer } from './receipt-seal.js';
import type { ReceiptKeys } from './receipt-seal.js';

/** Why a receipt was not kept, in words without a value. */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'the folder cannot be written',
  EPERM: 'the folder cannot be written',
  EROFS: 'the disk is read-only',
  EEXIST: 'a file stands in the place of the folder',
  ENOTDIR: 'a file stands in the place of the folder',
};
/** So many ids of receipts that could not be kept are remembered. */
const UNSURE_MAX = 10_000;

export interface ReceiptKeeperOptions {
  readonly folder: ReceiptFolder;
  readonly keys: ReceiptKeys;
  /** Whether an answer file includes the question, and so what was asked. */
  readonly showQuestion?: boolean;
  /** Told when receipts begin to be lost, with why, and when they are kept again. */
  readonly notice?: (event: ReceiptEvent) => void;
  /** Milliseconds; the clock of the system unless given. */
  readonly nowMs?: () => number;
}

export type ReceiptEvent = { readonly event: 'lost'; readonly why: string } | { readonly event: 'kept-again' };

/**
 * Keeps the verified answers of apps as receipts. An answer that cannot be kept still reaches its app: the loss is said,
 * and from then on no id is to be shown of an answer that is not known to be kept.
 */
export class ReceiptKeeper implements AnswerKeeper {
  kept = 0;
  lost = 0;
  /** Why the last one could not be kept; undefined where it was. */
  fault: string | undefined;
  readonly #options: ReceiptKeeperOptions;
  readonly #nowMs: () => number;
  readonly #sealer: ReceiptSealer;
  readonly #unsure = new Set<string>();

  constructor(options: ReceiptKeeperOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#sealer = new ReceiptSealer(options.keys, () => Math.floor(this.#nowMs() / 1000));
  }

  /** A fresh id. While the last receipt could not be kept, it is one to be unsure of. */
  newId(): string {
    const id = ReceiptSealer.newId();
    if (this.fault !== undefined) this.#doubt(id);
    return id;
  }

  /** Whether an id must not be shown: its answer is not kept, or not yet and the last one could not be. */
  isUnsure(id: string): boolean {
    return this.#unsure.has(id);
  }

  async keep(id: string | undefined, answer: Answer<AnsweredPrompt | undefined>): Promise<void> {
    if (id === undefined) return;
    const { folder, showQuestion = false, notice } = this.#options;
    try {
      const sealed = await this.#sealer.seal(id, answer.toFile({ showQuestion }));
      await folder.keep(id, this.#nowMs(), sealed);
      this.kept++;
      this.#unsure.delete(id);
      if (this.fault !== undefined) notice?.({ event: 'kept-again' });
      this.fault = undefined;
    } catch (error) {
      const why = reasonOf(error);
      this.lost++;
      this.#doubt(id);
      if (this.fault !== why) notice?.({ event: 'lost', why });
      this.fault = why;
    }
  }

  #doubt(id: string): void {
    this.#unsure.add(id);
    for (const oldest of this.#unsure) {
      if (this.#unsure.size <= UNSURE_MAX) return;
      this.#unsure.delete(oldest);
    }
  }
}

/** `cannot make the folder … (ENOTDIR)` and errors of the system have a code, which tells nothing of the answer. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const found = code ?? /\((E[A-Z]+)\)/.exec(message)?.[1] ?? 'unknown';
  return REASONS[found] ?? `the system refused it (${found})`;
}
