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
      { org: 'acme', rows: 100_001, seconds: 1, unknown: 0 },
      { org: 'other', rows: 100_000, seconds: 1, unknown: 0 },
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

describe('while a log is lost', () => {
  const OVERLOADED = expect.objectContaining({ code: 'overloaded' });
  const rowOf = (act: string, res = 'ok') => ({
    org: 'acme',
    event: `{"v":1,"id":"aud_1","t":"2026-12-02T00:00:00.000Z","org":"acme","act":"${act}","res":"${res}","obj":{}}`,
  });
  const lost = () => {
    const { lag } = lagOf(60);
    lag.note([]);
    lag.noteLost('acme', true);
    return lag;
  };

  it('nothing is decided, for that organisation alone, until it is not [guard: log-lost-closed]', () => {
    const lag = lost();
    expect(() => lag.require('acme', 'prompt.create')).toThrow(OVERLOADED);
    expect(() => lag.require('other', 'prompt.create')).not.toThrow();
    lag.noteLost('acme', false);
    expect(() => lag.require('acme', 'prompt.create')).not.toThrow();
  });

  it.each([
    'root.publish',
    'policy.publish',
    'directory.publish',
    'organisation.handback',
    'organisation.resume',
    'label.handback',
    'audit.set-aside',
  ])('%s is done [guard: lost-cure]', (act) => {
    const lag = lost();
    expect(() => lag.require('acme', act)).not.toThrow();
    expect(() => lag.requireRow(rowOf(act))).not.toThrow();
  });

  it.each([
    ['another act', rowOf('prompt.create')],
    ['a refusal of what is done', rowOf('directory.publish', 'denied')],
    ['another act that says the name of one that is done', { ...rowOf('x'), event: '{"act":"directory.publish"}' }],
  ])('no row says %s [guard: lost-row]', (_, row) => {
    expect(() => lost().requireRow(row)).toThrow(OVERLOADED);
    expect(() => lagOf(60).lag.requireRow(row)).not.toThrow();
  });

  it('a thousand are handed back or resumed, and no more [guard: lost-few]', () => {
    const lag = lost();
    for (let count = 0; count < 1_000; count++) lag.requireRow(rowOf('label.handback'));
    expect(() => lag.require('acme', 'organisation.resume')).toThrow(OVERLOADED);
    expect(() => lag.require('acme', 'directory.publish')).not.toThrow();
    lag.noteLost('acme', false);
    lag.noteLost('acme', true);
    expect(() => lag.require('acme', 'organisation.resume')).not.toThrow();
  });
});
