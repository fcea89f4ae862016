import { expect, it } from '@jest/globals';
import { Metrics } from '../observe/metrics.js';
import { LogLost } from './log-lost.js';
import { LogMetrics } from './log-metrics.js';

it('counts what was signed and what failed, and says how many logs stand still, without a name', async () => {
  const metrics = new Metrics({ service: 'vault', version: '0', poolState: () => ({ total: 0, idle: 0, waiting: 0 }) });
  const log = new LogMetrics(metrics);
  const shown = async () =>
    Object.fromEntries(
      [...(await metrics.registry.metrics()).matchAll(/^bulla_audit_(\w+)\{(?:result="(\w+)",)?.*\} (\d+)$/gm)].map(
        ([, name, result, value]) => [result === undefined ? name : `${name} ${result}`, Number(value)],
      ),
    );
  log.signs(true);
  log.signed('acme', 7);
  log.signed('other', 3);
  log.failed('other', new Error('the disk is full'));
  expect(await shown()).toEqual({
    'checkpoints_total signed': 2,
    'checkpoints_total failed': 1,
    checkpoint_entries: 10,
    lost_logs: 0,
    signs: 1,
  });
  const mark = { origin: 'urn:bulla:acme:svc:vault/audit/1', size: 7, root: new Uint8Array(32) };
  log.failed('acme', new LogLost('changed', mark));
  log.failed('acme', new LogLost('changed', mark));
  expect(await shown()).toMatchObject({ lost_logs: 1 });
  log.signed('acme', 2);
  expect(await shown()).toMatchObject({ lost_logs: 0, checkpoint_entries: 5 });
  expect(await metrics.registry.metrics()).not.toContain('acme');
});
