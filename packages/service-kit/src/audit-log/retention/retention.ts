import { parseLeaf } from '@bulla/contract';
import type { AuditFacts } from '@bulla/contract';
import { encodeBase64url } from '@bulla/crypto';
import { TILE_WIDTH } from '@bulla/crypto/log';
import { auditOfService } from '../../audit/audit-record.js';
import type { LedgerTables } from '../../audit/ledger-tables.js';
import type { AuditOutbox } from '../../audit/outbox.js';
import { databaseFault } from '../../database/database-fault.js';
import type { Database } from '../../database/database.js';
import type { EventLog } from '../../observe/event-log.js';
import { LogEvent } from '../../observe/event-log.js';
import type { Clock } from '../../process/clock.js';
import type { FirstEntries } from '../begin/first-entry.js';
import type { LogRepository } from '../log.repository.js';
import { AgedLeaves } from './aged-leaves.js';
import type { AgedLog, PrunedLog, SaidPrune } from './retention.repository.js';
import { RetentionRepository } from './retention.repository.js';

/** A month of entries is gone, as the logs said before. */
const MONTH_DROPPED = new LogEvent<{ month: string }>('audit-month-dropped', 'info');
/** The first entry of a log is not the one that was signed: nothing of that log goes, since that would repeat it. */
const FIRST_CHANGED = new LogEvent<{ org: string; log: number }>('audit-first-entry-changed', 'error');
/** Entries lie in an old month that are younger, or are not those that were signed: nothing of that log goes. */
const NOT_AGED = new LogEvent<{ org: string; log: number }>('audit-entries-not-aged', 'error');
const DAY_MS = 86_400_000;
/** By so much the clock of who wrote an entry may be ahead of the database's, by which its month is chosen. */
const CLOCKS_APART_MS = 60_000;
const LOCK_NOT_AVAILABLE = '55P03';

/** How long entries of the audit log are kept, in days. */
export type RetentionDays = number | 'forever';

export interface RetentionParts {
  readonly database: Pick<Database<LedgerTables>, 'db' | 'schema'>;
  readonly days: RetentionDays;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly outbox: AuditOutbox;
  readonly logs: Pick<LogRepository, 'tile'>;
  readonly firsts: Pick<FirstEntries, 'kept' | 'isFirst' | 'isEntry' | 'signedHead'>;
}

/**
 * Drops what was kept long enough: whole months, from the beginning of a log on and without a hole. The log says first that
 * they go; once that is signed, and a day later, they do. Hashes stay, so that the log goes on to verify
 * (docs/spec/audit-log.md, Retention).
 */
export class Retention {
  readonly #parts: RetentionParts;
  readonly #entries: RetentionRepository;
  readonly #aged: AgedLeaves;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
    this.#entries = new RetentionRepository(parts.database.db, parts.database.schema);
    this.#aged = new AgedLeaves({ ...parts, entries: this.#entries });
  }

  /** @throws whatever the database says; where something is locked it is left to the next time */
  async run(): Promise<void> {
    const { days, clock, log } = this.#parts;
    if (days === 'forever') return;
    const first = await this.#entries.firstMonth(days, clock);
    if (first === undefined) return;
    const months = await this.#entries.monthsBefore(first);
    if (months.length === 0) return;
    const pruned: PrunedLog[] = [];
    for (const [org, logs] of groupedByOrganisation(await this.#entries.agedLogs(first))) {
      const said = await this.#entries.said(org);
      for (const aged of logs) {
        await this.#say(aged, said, days);
        pruned.push({
          org,
          log: aged.log,
          below: belowIn(
            said.filter((one) => one.isSettled),
            aged.log,
          ),
        });
      }
    }
    for (const month of months) if (await this.#drop(month, pruned)) log.write(MONTH_DROPPED, { month });
  }

  /** Puts down that entries of a log go, unless that is said. */
  async #say(aged: AgedLog, said: readonly SaidPrune[], days: number): Promise<void> {
    const { database, clock, outbox } = this.#parts;
    const below = keptFrom(aged);
    if (below <= Math.max(aged.first, belowIn(said, aged.log))) return;
    const { org, log, first } = aged;
    const before = await this.#before(aged, said);
    if (before === 'changed') {
      this.#parts.log.write(FIRST_CHANGED, { org, log });
      return;
    }
    const beforeMs = clock.nowMs() - days * DAY_MS + CLOCKS_APART_MS;
    const range = { org, log, first, below };
    // guard: prune-aged without: const tree = { size: aged.size, root: new Uint8Array(32) };
    const tree = (await this.#isWhole(aged, said)) ? await this.#aged.signedOlder(range, beforeMs) : undefined;
    if (tree === undefined) {
      this.#parts.log.write(NOT_AGED, { org, log });
      return;
    }
    // What is said of the tree is what was signed of it.
    const { size, root } = tree;
    const obj = { log, first, last: below - 1, size, root: encodeBase64url(root), ...(before && { before }) };
    const event = auditOfService(org, { act: 'log.prune', obj }, clock.nowMs());
    await outbox.write(database.db, { org, event, evidence: null });
  }

  /** Whether all that a log lacks went as it said: whoever takes entries away has to have them pruned to be passed over. */
  async #isWhole({ org, log, first }: AgedLog, said: readonly SaidPrune[]): Promise<boolean> {
    // guard: prune-whole without: if (first >= 0) return true;
    if (first === 0) return true;
    for (const one of said)
      if (one.log === log && one.last + 1 >= first && (await this.#isSigned(org, one))) return true;
    return false;
  }

  async #isSigned(org: string, { by }: SaidPrune): Promise<boolean> {
    return by !== undefined && this.#parts.firsts.isEntry({ org, log: by.log, index: by.index }, by.text);
  }

  /** What the first entry says of the logs before, which goes with it; `changed` where it is not the one that was signed. */
  async #before(
    { org, log }: AgedLog,
    said: readonly SaidPrune[],
  ): Promise<AuditFacts<'log.prune'>['before'] | 'changed'> {
    const { firsts } = this.#parts;
    const kept = await firsts.kept(org, log);
    const leaf = kept ?? (await this.#entries.leaf(org, log, 0));
    if (leaf === undefined) {
      const one = said.findLast(({ by, ...pruned }) => by !== undefined && pruned.log === log);
      return one !== undefined && (await this.#isSigned(org, one)) ? one.before : undefined;
    }
    // guard: prune-first-entry
    if (kept === undefined && !(await firsts.isFirst(org, log, leaf))) return 'changed';
    const begin = parseLeaf(leaf);
    return begin.act === 'log.begin' ? begin.obj.before : undefined;
  }

  async #drop(month: string, pruned: readonly PrunedLog[]): Promise<boolean> {
    try {
      return await this.#entries.dropMonth(month, pruned);
    } catch (error) {
      if (databaseFault(error)?.code === LOCK_NOT_AVAILABLE) return false;
      throw error;
    }
  }
}

/**
 * The first index that stays. Bundles go whole, and an entry stays that is as old as those before it, so that everybody sees
 * how old they were.
 */
function keptFrom({ young, size, signedSize }: AgedLog): number {
  // guard: prune-signed without: const oldest = (young ?? size) - 1;
  const oldest = Math.min(young ?? size, signedSize) - 1;
  return Math.floor(Math.max(oldest, 0) / TILE_WIDTH) * TILE_WIDTH;
}

function belowIn(said: readonly SaidPrune[], log: number): number {
  return Math.max(0, ...said.filter((one) => one.log === log).map(({ last }) => last + 1));
}

function groupedByOrganisation(logs: readonly AgedLog[]): Map<string, AgedLog[]> {
  const byOrg = new Map<string, AgedLog[]>();
  for (const one of logs) byOrg.set(one.org, [...(byOrg.get(one.org) ?? []), one]);
  return byOrg;
}
