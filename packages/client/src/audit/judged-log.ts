import type { Trust } from '@bulla/crypto';
import { CryptoError, witnessesOf } from '@bulla/crypto';
import type { CheckpointTrust, LogName, TreeHead } from '@bulla/crypto/log';
import { originOf, verifyLog } from '@bulla/crypto/log';
import type { LogCheck, LogCheckName, LogFailure, LogVerdict } from './audit-verdict.js';
import { entriesText, grouped, placeText } from './counted-entries.js';
import { requireLogName, signedBy } from './log-checkpoint.js';
import type { OnLeaf } from './entry-judge.js';
import { EntryJudge, requireEntries } from './entry-judge.js';
import { ErasedEvidence } from './gone/erased-evidence.js';
import { evidenceCheck, ofMisfits } from './evidence/evidence-words.js';
import { keptText } from './kept-heads.js';
import { EntryClock } from './entry-clock.js';
import type { LogKeyStanding } from './log-keys.js';
import { logKeysOf, standingOf } from './log-keys.js';
import type { SaidErase, SaidPrune } from './log-origin.js';
import { LogLosses } from './loss/log-losses.js';
import type { AcceptedLoss } from './loss/log-loss.js';
import { checkLower } from './loss/lower-notes.js';
import type { SaidOfLog } from './loss/said-of-log.js';
import { largestOf } from './loss/said-of-log.js';
import type { LogSource } from './log-source.js';
import { PrunedEntries } from './gone/pruned-entries.js';
import type { Misfit } from './evidence/misfit.js';
import type { RequestMemory } from './evidence/request-memory.js';
import type { ErasureRequests } from './evidence/erasure-requests.js';
import { checkTold } from './told/told-check.js';
import type { ToldHead } from './told/told-heads.js';
import { witnessedText } from '../witnesses/witness-words.js';
import type { WitnessedLog } from '../witnesses/witnessed-log.js';
import { findWitnessed, readWitnessed } from '../witnesses/witnessed-log.js';

/** A log, and all that it is held against. */
export interface LogToJudge {
  readonly name: LogName;
  readonly source: LogSource;
  readonly org: string;
  /** Verified directories, the newest first; at least one. */
  readonly trusts: readonly [Trust, ...Trust[]];
  /** The newest head that this machine verified before. */
  readonly kept?: TreeHead | undefined;
  /** Heads of this log that answers brought. */
  readonly told?: readonly ToldHead[] | undefined;
  /** What newer logs say of this one; it has ended then. */
  readonly said?: SaidOfLog | undefined;
  /** Whether nobody shows it, though somebody knows of it. */
  readonly isGone?: boolean | undefined;
  /** What a person accepted before. */
  readonly accepted?: readonly AcceptedLoss[] | undefined;
  /** Seconds: now. */
  readonly now: number;
  /** Whether a larger head is shown to continue this one; where nobody can be asked it stays open. */
  readonly isPrefixOf?: ((larger: TreeHead, head: TreeHead) => Promise<boolean>) | undefined;
  readonly onLeaf?: OnLeaf | undefined;
  /** What newer logs of the service say of entries that went. */
  readonly saidPruned?: readonly SaidPrune[] | undefined;
  /** The same of evidence that was erased. */
  readonly saidErased?: readonly SaidErase[] | undefined;
  /** What requests brought about in the other logs of the service. */
  readonly requests: RequestMemory;
  /** Which requests had evidence erased at the other services. */
  readonly erasures?: ErasureRequests | undefined;
}

/** Judges one log from its checkpoint to its last entry. What cannot be read at all is thrown on. */
export async function judgeLog(log: LogToJudge): Promise<LogVerdict> {
  return new JudgedLog(log).verdict();
}

/** A check that failed. */
class Refused extends Error {
  override readonly name = 'Refused';
  readonly failure: LogFailure;

  constructor(failure: LogFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

class JudgedLog {
  readonly #log: LogToJudge;
  readonly #origin: string;
  readonly #losses: LogLosses;
  #judge!: EntryJudge;
  #pruned!: PrunedEntries;
  #erased!: ErasedEvidence;
  readonly #checks: LogCheck[] = [];
  #head: TreeHead | undefined;
  #key: LogKeyStanding | undefined;
  #witnessed: WitnessedLog | undefined;
  #isOlder = false;

  constructor(log: LogToJudge) {
    this.#log = log;
    this.#origin = originOf(log.name);
    this.#losses = new LogLosses(this.#origin, log);
    this.#begin(new EntryClock(log.now, undefined));
  }

  /**
   * @param clock when entries can have been written at the latest
   * @param head what is shown
   */
  #begin(clock: EntryClock, head?: TreeHead): void {
    const { name, source, org, trusts, onLeaf, requests, erasures, said, saidPruned = [], saidErased = [] } = this.#log;
    this.#pruned = new PrunedEntries(name, saidPruned, clock, said !== undefined);
    this.#erased = new ErasedEvidence(name, saidErased);
    const [evidence, pruned, erased, counts] = [
      source.evidence,
      this.#pruned,
      this.#erased,
      head && this.#losses.countedOf(head)?.size,
    ];
    this.#judge = new EntryJudge({
      ...name,
      org,
      evidence,
      trusts,
      onLeaf,
      pruned,
      erased,
      requests,
      erasures,
      clock,
      counts,
    });
  }

  async verdict(): Promise<LogVerdict> {
    const broken = await this.#failure();
    const misfits = broken === undefined ? this.#judge.misfits : this.#judge.contradicted;
    if (broken === undefined) this.#checks.push(...this.#losses.checks);
    if (broken === undefined || misfits.length > 0) this.#checkEvidence(misfits);
    const failure = broken ?? this.#losses.failure ?? ofMisfits(misfits);
    const { newestAt, lower } = this.#judge;
    const before = lower.at(-1)?.note;
    const [origin, { urn }] = [this.#origin, this.#log.name];
    const { count: prunedEntries, own: saidPruned } = this.#pruned;
    const { found: losses, counted } = this.#losses;
    const said = { prunedEntries, saidPruned, saidErased: this.#erased.own, misfits, lower, losses, counted };
    const open = { keysUnknown: this.#judge.count.keyUnknown, isOlder: this.#isOlder };
    const found = { head: this.#head, key: this.#key, newestAt, before, witnessed: this.#witnessed, ...said, ...open };
    return { origin, urn, valid: failure === undefined, checks: this.#checks, failure, ...found };
  }

  async #failure(): Promise<LogFailure | undefined> {
    try {
      const { trusts, name, source, isGone, said } = this.#log;
      await this.#within('checkpoint', () => requireLogName(name, trusts));
      const keys = await logKeysOf(trusts, name);
      const trust = { origin: this.#origin, keys: keys.map(({ note }) => note) };
      const note = await source.read('checkpoint');
      if (note === undefined && (isGone === true || said !== undefined)) {
        this.#losses.gone();
        return undefined;
      }
      const verified = await this.#within('checkpoint', () => signedBy(note, trust, this.#log));
      const head = verified.checkpoint;
      this.#head = head;
      this.#key = standingOf(keys, verified.keys, trusts[0]);
      this.#passed('checkpoint', `${entriesText(head.size)}, signed by ${this.#key?.fingerprint ?? ''}`);
      this.#checkKey();
      this.#begin(await this.#clock(trust, head), head);
      await this.#checkEntries(trust, head);
      await this.#checkKept(head);
      await this.#checkTold(head);
      await this.#checkWitnesses(trust, head);
      await this.#checkLower();
      this.#losses.see(head, this.#judge.setAside);
      return undefined;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#checks.push({ name: error.failure.check, state: 'failed', detail: error.message });
      return error.failure;
    }
  }

  /** Whether what witnesses saw is good is asked where they are checked. */
  async #clock({ origin, keys }: CheckpointTrust, head: TreeHead): Promise<EntryClock> {
    const { now, source, trusts } = this.#log;
    const witnesses = await witnessesOf(trusts[0].policy);
    const against = witnesses && { origin, read: source.read, keys, witnesses, head };
    return new EntryClock(now, against && (await findWitnessed(against)));
  }

  #checkKey(): void {
    const { trusts, said: ended } = this.#log;
    const key = this.#key;
    const { version } = trusts[0].directory;
    if (key === undefined) return;
    // Who holds a revoked key can sign another log at any time; one that has ended may have been signed before that.
    if (key.revoked && ended === undefined)
      // guard: audit-key-revoked
      throw new Refused({ code: 'key_revoked', check: 'key', message: `directory ${version} revokes the key` });
    if (key.revoked) this.#open('key', `directory ${version} revokes the key; it may have signed this log before`);
    else if (key.isListed) this.#passed('key', `listed in directory ${version} for checkpoints of this service`);
    else this.#passed('key', `listed in directory ${key.listedIn}; no more in ${version}`);
  }

  /** Everything that the tree stands for, and that it is the tree that was seen before. */
  async #checkEntries(trust: CheckpointTrust, head: TreeHead): Promise<void> {
    const { source } = this.#log;
    const older = this.#losses.within(head);
    const { judge } = this.#judge;
    const walk = { read: source.read, trust, kept: older, onEntry: judge, onAbsent: this.#pruned.onAbsent };
    const saidBy = await this.#within('entries', async () => {
      await verifyLog(walk).catch((error: unknown) => this.#losses.forked(error, { head, read: source.read }));
      requireEntries(this.#judge.malformed);
      return this.#pruned.requireAllowed();
    });
    const { newestAt } = this.#judge;
    const newest = newestAt === undefined ? '' : `; the newest is of ${newestAt}`;
    const gone = this.#pruned.count;
    const there = `each of ${entriesText(head.size - gone)} is in the tree that is signed${newest}`;
    if (saidBy === undefined) return this.#passed('entries', there);
    this.#passed('entries', `${entriesText(gone)} are no longer kept, as ${saidBy} says; their hashes are; ${there}`);
  }

  #checkEvidence(misfits: readonly Misfit[]): void {
    // Of a log that is not here nothing was looked at.
    if (this.#head !== undefined) this.#checks.push(evidenceCheck(this.#judge.count, misfits));
  }

  async #checkKept(head: TreeHead): Promise<void> {
    const { kept, said, isPrefixOf } = this.#log;
    if (kept === undefined) return this.#open('kept-head', 'this machine has seen nothing of this log before');
    if (kept.size <= head.size) return this.#passed('kept-head', keptText(kept, head));
    const more = `this machine saw ${entriesText(kept.size)} of this log, ${grouped(kept.size - head.size)} more`;
    // It has ended, so what is not here will not come: that is a loss, and a person may accept it.
    if (said !== undefined) return this.#open('kept-head', `${more}; they are lost`);
    this.#isOlder = isPrefixOf === undefined;
    if (isPrefixOf === undefined)
      return this.#open('kept-head', `${more}: this is older, and nothing here shows that those continue it`);
    // guard: audit-rollback
    if (!(await isPrefixOf(kept, head)))
      throw new Refused({ code: 'log_inconsistent', check: 'kept-head', kind: 'rollback', message: more });
    this.#open('kept-head', `${more}: the service has them, and has not signed them here yet`);
  }

  /** The log is the one of which those who ask were told. */
  async #checkTold(head: TreeHead): Promise<void> {
    const { source, said, isPrefixOf } = this.#log;
    const told = this.#losses.told(head);
    const ended = said && (largestOf(told) ?? head);
    const found = await checkTold({ told, head, read: source.read, ended, isPrefixOf });
    if (found === undefined) return;
    if ('code' in found) throw new Refused(found);
    this.#checks.push(found);
  }

  /** What others saw of the log, by the witnesses that the newest policy at hand names. */
  async #checkWitnesses({ origin, keys }: CheckpointTrust, head: TreeHead): Promise<void> {
    const { source, trusts, said: ended } = this.#log;
    const { policy } = trusts[0];
    const witnesses = await witnessesOf(policy);
    if (witnesses === undefined) return this.#open('witnesses', `policy ${policy.version} names none`);
    const against = { origin, read: source.read, keys, witnesses, head };
    const witnessed = await this.#within('witnesses', () => readWitnessed(against));
    this.#witnessed = witnessed;
    const text = witnessedText(witnessed, head.size);
    if (witnessed.reached !== undefined) return this.#passed('witnesses', text);
    // Who watches the log after it watches what that says of this one.
    if (ended !== undefined) return this.#open('witnesses', `${text}; it has ended, and the next log names its head`);
    // guard: audit-quorum
    throw new Refused({ code: 'log_inconsistent', check: 'witnesses', kind: 'quorum', message: text });
  }

  /** What the log says of those before it, by the signature of each. */
  async #checkLower(): Promise<void> {
    const text = await this.#within('log-before', () => checkLower(this.#judge.lower, this.#log.trusts));
    if (text !== '') this.#passed('log-before', text);
  }

  /** Runs a check; what it refuses becomes its failure. */
  async #within<Value>(check: LogCheckName, work: () => Promise<Value>): Promise<Value> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      const { code, entries, check: kind } = error;
      const isOfHead = check === 'entries' && (kind === 'fork' || kind === 'rollback');
      const message = entries === undefined ? error.message : `${placeText(entries)}: ${error.message}`;
      throw new Refused({ code, check: isOfHead ? 'kept-head' : check, kind, message, entries });
    }
  }

  #passed(name: LogCheckName, detail: string): void {
    this.#checks.push({ name, state: 'passed', detail });
  }

  #open(name: LogCheckName, detail: string): void {
    this.#checks.push({ name, state: 'not_looked_for', detail });
  }
}
