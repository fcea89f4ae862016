import { CryptoError } from '@bulla/crypto';
import type { ReadLogFile, TreeHead } from '@bulla/crypto/log';
import type { LogCheck, LogFailure } from '../audit-verdict.js';
import { entriesText, grouped } from '../counted-entries.js';
import { isSameHead } from '../kept-heads.js';
import { holds } from '../told/told-check.js';
import type { ToldHead } from '../told/told-heads.js';
import type { AcceptedLoss, FoundLoss, LogLoss } from './log-loss.js';
import { acceptedAt, foundLoss, goneText, lossText } from './log-loss.js';
import type { SaidOfLog } from './said-of-log.js';
import { largestOf } from './said-of-log.js';

/** What is known of a log from elsewhere than the log. */
export interface KnownOfLog {
  readonly kept?: TreeHead | undefined;
  readonly told?: readonly ToldHead[] | undefined;
  readonly said?: SaidOfLog | undefined;
  readonly accepted?: readonly AcceptedLoss[] | undefined;
}

interface ShownLog {
  readonly head: TreeHead;
  readonly read: ReadLogFile;
}

/** What of one log is gone, or came too late; and which of it a person accepted. */
export class LogLosses {
  readonly #origin: string;
  readonly #log: KnownOfLog;
  readonly #found: FoundLoss[] = [];
  #counted: TreeHead | undefined;

  constructor(origin: string, log: KnownOfLog) {
    this.#origin = origin;
    this.#log = log;
  }

  get found(): readonly FoundLoss[] {
    return this.#found;
  }

  /** The tree that counts, if more is shown. */
  get counted(): TreeHead | undefined {
    return this.#counted;
  }

  get checks(): readonly LogCheck[] {
    return this.#found.map((loss) => {
      const state = loss.acceptedAt === undefined ? 'failed' : 'not_looked_for';
      return { name: 'loss', state, detail: lossText(loss) };
    });
  }

  /** The first loss that nobody accepted. */
  get failure(): LogFailure | undefined {
    const first = this.#found.find(({ acceptedAt: at }) => at === undefined);
    return first && { code: 'log_inconsistent', check: 'loss', kind: first.kind, message: first.message };
  }

  /** Trees that are known and no larger than the shown one: it has to begin with each. Without those that were accepted. */
  within(shown: TreeHead): TreeHead[] {
    return this.#known.filter((one) => one.size <= shown.size && !this.#isAcceptedFork(one, shown));
  }

  /** What answers told of this log, without forks that were accepted. */
  told(shown: TreeHead): readonly ToldHead[] {
    return (this.#log.told ?? []).filter((one) => !this.#isAcceptedFork(one, shown));
  }

  /**
   * The tree whose entries count, where that is not all that is shown: no more than newer logs name, and of a fork that a
   * person accepted no other tree than one that they name. Who holds the key of a log that has ended can sign anything else,
   * and this machine may have kept just that.
   */
  countedOf(shown: TreeHead): TreeHead | undefined {
    const { said } = this.#log;
    if (said === undefined) return undefined;
    const isForked = this.#known.some((one) => this.#isAcceptedFork(one, shown));
    // guard: audit-fork-counts
    if (isForked) return largestOf(this.#named(said, shown)) ?? EMPTY;
    if (said.counts >= shown.size) return undefined;
    return said.heads.find(({ size }) => size === said.counts) ?? EMPTY;
  }

  /** Trees that newer logs name, as far as entries count, and that the shown one begins with. */
  #named({ heads, counts }: SaidOfLog, shown: TreeHead): TreeHead[] {
    const beginsWith = new Set(this.within(shown));
    return heads.filter((one) => one.size <= counts && beginsWith.has(one));
  }

  /**
   * Notes which trees a log is not that were seen of it: of one that has ended a person may accept that.
   * @throws the error itself
   */
  async forked(error: unknown, { head, read }: ShownLog): Promise<never> {
    const isFork = error instanceof CryptoError && error.check === 'fork';
    // guard: audit-fork-ended
    if (!isFork || this.#log.said === undefined) throw error;
    for (const known of this.within(head))
      if (!(await isBeginning(known, { head, read }))) this.#add(this.#fork(known, head), error.message);
    throw error;
  }

  /** Nobody shows the log. */
  gone(): void {
    const known = largestOf(this.#all);
    // guard: audit-lost-log
    this.#add({ kind: 'lost', origin: this.#origin, known: known && headOf(known) }, goneText(known));
    this.#forkedBeyond(0);
  }

  /** What the shown log lacks, and what of it counts nothing. @param setAside entries that say that rows were set aside */
  see(head: TreeHead, setAside: readonly number[]): void {
    const { said } = this.#log;
    // guard: audit-set-aside-told
    for (const index of setAside)
      this.#add(
        { kind: 'set-aside', origin: this.#origin, index },
        `entry ${grouped(index)} says that rows were set aside which nobody could check: they are in no log`,
      );
    if (said === undefined) return;
    for (const one of this.#known)
      if (this.#isAcceptedFork(one, head))
        this.#add(
          this.#fork(one, head),
          `another tree was seen, of ${entriesText(one.size)}; what is shown in its place counts nothing`,
        );
    const known = largestOf(this.#known);
    const shown = headOf(head);
    // guard: audit-lost-end
    if (known !== undefined && known.size > head.size)
      this.#add(
        { kind: 'lost', origin: this.#origin, known: headOf(known), shown },
        `${entriesText(known.size)} had been signed: ${grouped(known.size - head.size)} lost${said.counts > head.size ? UNVOUCHED : ''}`,
      );
    this.#forkedBeyond(head.size);
    this.#counted = this.countedOf(head);
    if (said.counts >= head.size) return;
    const late = entriesText(head.size - said.counts);
    const last = said.heads.find(({ size }) => size === said.counts) ?? EMPTY;
    // guard: audit-late
    this.#add(
      { kind: 'late', origin: this.#origin, known: headOf(last), shown },
      `${late} came later than a newer log began, and count nothing`,
    );
  }

  get #known(): TreeHead[] {
    const { kept, said } = this.#log;
    if (said !== undefined) return this.#all;
    return kept === undefined ? [] : [kept];
  }

  /** What newer logs say, what this machine verified, and what answers told: in this order. */
  get #all(): TreeHead[] {
    const { kept, told = [], said } = this.#log;
    return [...(said?.heads ?? []), ...(kept === undefined ? [] : [kept]), ...told];
  }

  /** Of entries that nobody shows: two trees of one size, of those that were verified, told, or are named by newer logs. */
  #forkedBeyond(size: number): void {
    const beyond = this.#all.filter((one) => one.size > size);
    for (const [at, one] of beyond.entries()) {
      const other = beyond.slice(0, at).find((before) => before.size === one.size && !isSameHead(before, one));
      // guard: audit-fork-gone
      if (other !== undefined)
        this.#add(this.#fork(one, other), `two trees of ${entriesText(one.size)} were signed, and nobody shows either`);
    }
  }

  #fork(known: TreeHead, shown: TreeHead): LogLoss {
    return { kind: 'fork', origin: this.#origin, known: headOf(known), shown: headOf(shown) };
  }

  #isAcceptedFork(known: TreeHead, shown: TreeHead): boolean {
    const { accepted, said } = this.#log;
    return said !== undefined && acceptedAt(accepted, this.#fork(known, shown)) !== undefined;
  }

  #add(loss: LogLoss, message: string): void {
    this.#found.push(foundLoss(this.#log.accepted, loss, message));
  }
}

/** No newer log names a beginning that is shown whole, and a head that this machine kept may be a later one. */
const UNVOUCHED = '; that the rest is as it was says only the key of this log, which has ended';

const EMPTY: TreeHead = { size: 0, root: new Uint8Array(32) };

function headOf({ size, root }: TreeHead): TreeHead {
  return { size, root };
}

async function isBeginning(known: TreeHead, { head, read }: ShownLog): Promise<boolean> {
  return known.size === head.size ? isSameHead(known, head) : holds(read, head, known);
}
