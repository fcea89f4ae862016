import { describe, expect, it } from '@jest/globals';
import { Metrics } from '../observe/metrics.js';
import { TestClock } from '../testing/clock.js';
import { AuditLag } from './audit-lag.js';

const METRICS = { service: 'vault', version: '0.0.0', poolState: () => ({ total: 0, idle: 0, waiting: 0 }) };

function lagOf(secondsMax: number) {
  const clock = new TestClock();
  const metrics = new Metrics(METRICS);
  return { clock, metrics, lag: new AuditLag({ secondsMax, clock, metrics }) };
}

describe('how far a log may be behind', () => {
  it('is a hundred thousand decisions, of each organisation by itself', () => {
    const { lag } = lagOf(60);
    lag.note([
      { org: 'acme', rows: 100_001, seconds: 1 },
      { org: 'other', rows: 100_000, seconds: 1 },
    ]);
    expect(() => lag.require('acme')).toThrow(expect.objectContaining({ code: 'overloaded' }));
    expect(() => lag.require('other')).not.toThrow();
  });

  it('is as much time while nobody can tell what waits, and for everybody [guard: audit-lag-blind]', async () => {
    const { clock, lag, metrics } = lagOf(60);
    lag.note([]);
    lag.noteBlind();
    clock.advance(60);
    lag.noteBlind();
    expect(() => lag.require('acme')).not.toThrow();
    clock.advance(1);
    lag.noteBlind();
    expect(() => lag.require('acme')).toThrow(expect.objectContaining({ code: 'overloaded' }));
    expect(await metrics.registry.metrics()).toContain('bulla_audit_lag_seconds{service="vault"} 61');
    lag.note([]);
    expect(() => lag.require('acme')).not.toThrow();
  });
});
