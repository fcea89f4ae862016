import { describe, expect, it } from '@jest/globals';
import { Clock } from '../process/clock.js';
import { connectDatabase } from '../database/database.js';
import { EventLog } from '../observe/event-log.js';
import type { LedgerTables } from './ledger-tables.js';
import { RefusalCounter } from './refusal-counter.js';
import { outboxForTest } from '../testing/outbox.js';
import { TestClock } from '../testing/clock.js';

describe('counted refusals', () => {
  it('that cannot be written down are said in the log, by their number', async () => {
    const lines: string[] = [];
    const log = new EventLog({ service: 'tiny', stream: { write: (line) => void lines.push(line) } });
    const from = { url: 'postgresql://nobody@127.0.0.1:1/none' };
    const database = connectDatabase<LedgerTables>({ from, schema: 'tiny', migrations: {}, log });
    const clock = new TestClock();
    const refusals = new RefusalCounter({ db: database.db, org: 'acme', clock, log, outbox: outboxForTest().outbox });
    refusals.count('unauthenticated');
    refusals.count('unauthenticated');
    refusals.count('clock_skew');
    await refusals.flushEnded();
    expect(lines).toEqual([]);
    clock.advance(60);
    await refusals.flushEnded();
    await refusals.flushEnded();
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      event: 'refusals-not-audited',
      count: 3,
      errorCode: 'ECONNREFUSED',
    });
    await database.close();
  });
});

describe('the clock', () => {
  it('tells seconds, milliseconds and durations', () => {
    const clock = new Clock();
    const before = clock.monotonicMs();
    expect(Number.isInteger(clock.now())).toBe(true);
    expect(Math.abs(clock.nowMs() / 1000 - clock.now())).toBeLessThan(2);
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(before);
  });
});
