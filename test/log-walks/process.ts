import { Problem } from '@bulla/contract';
import { RowSecrets } from '@bulla/service-kit';
import type { TestClock } from '@bulla/service-kit/testing';
import { AuditLag } from '../../packages/service-kit/src/audit-log/audit-lag.js';
import { CheckpointSigner } from '../../packages/service-kit/src/audit-log/checkpoint-signer.js';
import { LogBegin } from '../../packages/service-kit/src/audit-log/begin/log-begin.js';
import { LogLost } from '../../packages/service-kit/src/audit-log/log-lost.js';
import type { LogListing } from '../../packages/service-kit/src/audit-log/log-pens.js';
import { LogPens } from '../../packages/service-kit/src/audit-log/log-pens.js';
import type { KeptMark } from '../../packages/service-kit/src/audit-log/marks.js';
import { LogMarks } from '../../packages/service-kit/src/audit-log/marks.js';
import { Sequencer } from '../../packages/service-kit/src/audit-log/sequencer.js';
import { auditOfStrangers } from '../../packages/service-kit/src/audit/audit-record.js';
import { AuditOutbox } from '../../packages/service-kit/src/audit/outbox.js';
import { memoryDatabase } from './memory-database.js';
import { MemoryLogs, MemoryUnsigned } from './memory-logs.js';
import type { LogKeys } from './log-keys.js';
import type { MemoryTables } from './memory-tables.js';
import type { KeyFileState, Planted } from './places.js';
import { ORGS, urnOf } from './places.js';

/** How long a log may be behind, as at the services. */
const LAG_SECONDS = 900;

const nothing = () => {};

/** Marks of a signer that remembers nothing: a planted fault. */
class ForgottenMarks extends LogMarks {
  override read(): Promise<KeptMark[]> {
    return Promise.resolve([]);
  }
}

/** Where a process runs: its machine, and what others see of it. */
export interface ProcessWorld {
  readonly tables: MemoryTables;
  readonly clock: TestClock;
  readonly planted: Planted | undefined;
  readonly keyFile: KeyFileState;
  readonly keys: LogKeys;
  readonly honest: ReadonlyMap<string, Set<string>>;
  trust(org: string): LogListing | undefined;
}

/** A process of the service, of the real parts that write its logs. */
export class Process {
  readonly marks: LogMarks;
  readonly lag: AuditLag;
  readonly #world: ProcessWorld;
  readonly #outbox: AuditOutbox;
  readonly #sequencer: Sequencer;
  readonly #db;

  /** @param folder of marks; one that is not set up for a process that signs nothing. */
  constructor(world: ProcessWorld, folder: string) {
    this.#world = world;
    const { tables, clock, planted } = world;
    const rows = RowSecrets.of({ urn: urnOf('acme'), rows: [...world.keyFile.rows] });
    if (planted === 'rows of anybody') rows.check = () => 'good';
    const db = memoryDatabase(tables);
    const logs = new MemoryLogs(tables, db);
    const unsigned = new MemoryUnsigned(tables);
    const marks = planted === 'forgotten marks' ? new ForgottenMarks(folder) : new LogMarks(folder);
    const logKeys = world.keyFile.logs.map((log) => ({ log, signer: world.keys.of(log).signer }));
    const keys = { urnIn: urnOf, logKeys, rows };
    const pens = new LogPens({ marks, keys, trustOf: (org) => Promise.resolve(world.trust(org)) });
    const signer = new CheckpointSigner({ logs, unsigned, marks, pens, keys });
    const metrics = { gauge: () => ({ set: nothing }), overloads: { inc: nothing } } as never;
    this.#db = db;
    this.marks = marks;
    this.lag = new AuditLag({ secondsMax: LAG_SECONDS, clock, metrics });
    this.#outbox = new AuditOutbox({ keys, drift: { requireAgreed: nothing }, lag: this.lag });
    this.#sequencer = new Sequencer({
      database: {
        schema: 'public',
        exclusively: async (_name: string, work: () => Promise<void>) => {
          await work();
          return true;
        },
      },
      logs,
      pens,
      signer,
      begin: new LogBegin({ logs, unsigned, marks, pens, signer, schema: 'public', clock }),
      organisations: () => ORGS,
      lag: this.lag,
      metrics: { signed: nothing, failed: nothing },
      alarms: { forged: nothing, unknown: nothing },
      keys,
      clock,
      log: { write: nothing } as never,
    });
  }

  /** Whether nothing is decided for an organisation. */
  isClosed(org: string): boolean {
    try {
      this.lag.require(org);
      return false;
    } catch (error) {
      if (error instanceof Problem) return true;
      throw error;
    }
  }

  /** Decides something. @returns false where it is refused */
  async decide(org: string, count: number): Promise<boolean> {
    const event = auditOfStrangers(org, { why: 'rate_limited', count }, this.#world.clock.nowMs());
    try {
      this.lag.require(org);
      await this.#outbox.write(this.#db, { org, event, evidence: null });
    } catch (error) {
      if (error instanceof Problem) return false;
      throw error;
    }
    this.#world.honest.get(org)?.add(event);
    return true;
  }

  /** Writes and signs what waits. @returns why nothing is signed for somebody, if so */
  async sequence(): Promise<string | undefined> {
    try {
      await this.#sequencer.run();
      return undefined;
    } catch (error) {
      if (error instanceof LogLost) return error.why;
      return (error as Error).message;
    }
  }
}
