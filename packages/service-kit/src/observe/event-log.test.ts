import { describe, expect, it } from '@jest/globals';
import { EventLog, LogEvent } from './event-log.js';
import type { LogLevel } from './event-log.js';
import { FrameworkLog } from './framework-log.js';
import { TRUST_FORK } from './trust-events.js';

const READY = new LogEvent<{ port: number; metricsPort: number }>('service-ready', 'info');
const BEGUN = new LogEvent<{ requestId: string; jti: string; model: string }>('run-begun', 'info');
const FAILED = new LogEvent<{ chore: string; errorCode: string }>('chore-failed', 'warn');

function logTo(lines: Record<string, unknown>[], level?: LogLevel): EventLog {
  const stream = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  return new EventLog({ service: 'tiny', stream, ...(level === undefined ? {} : { level }) });
}

describe('the event log', () => {
  it('writes one JSON line for an event, with service, level and time', () => {
    const lines: Record<string, unknown>[] = [];
    logTo(lines).write(READY, { port: 1, metricsPort: 2 });
    expect(lines).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^20\d\d-.*Z$/),
        service: 'tiny',
        event: 'service-ready',
        port: 1,
        metricsPort: 2,
      },
    ]);
  });

  it('writes a line that people can read, and no value makes two of it', () => {
    let text = '';
    const log = new EventLog({ service: 'tiny', format: 'pretty', stream: { write: (line) => (text += line) } });
    log.write(READY, { port: 1, metricsPort: 2 });
    log.write(BEGUN, { requestId: 'my-request', jti: 'inv_1', model: 'a b=c\n"d' });
    expect(text.replaceAll(/^\d\d:\d\d:\d\d\.\d{3} /gm, '')).toBe(
      'info  tiny service-ready port=1 metricsPort=2\n' +
        'info  tiny run-begun requestId=my-request jti=inv_1 model="a b=c\\n\\"d"\n',
    );
  });

  it('leaves out what is below its level', () => {
    const lines: Record<string, unknown>[] = [];
    const log = logTo(lines, 'warn');
    log.write(new LogEvent('service-stopping', 'info'));
    log.write(FAILED, { chore: 'purge', errorCode: '57P01' });
    expect(lines.map(({ event }) => event)).toEqual(['chore-failed']);
  });
});

describe('a fork of a directory', () => {
  it('is an error in the log, with organisation and version', () => {
    const lines: Record<string, unknown>[] = [];
    logTo(lines, 'error').write(TRUST_FORK, { org: 'acme', directoryVersion: 42 });
    expect(lines).toMatchObject([{ level: 'error', event: 'trust-fork', org: 'acme', directoryVersion: 42 }]);
  });
});

describe('what the framework says', () => {
  it.each([
    ['log', ['canary', 'RouterExplorer'], 'debug', 'RouterExplorer'],
    ['warn', ['canary', 'Pool'], 'warn', 'Pool'],
    ['error', [new Error('canary'), 'Error: canary\n  at x', 'Injector'], 'error', 'Injector'],
    ['error', ['canary', 'Error: canary at x'], 'error', 'unnamed'],
    ['warn', ['canary', { canary: 1 }], 'warn', 'unnamed'],
    ['log', ['canary'], 'debug', 'unnamed'],
  ] as const)('passes by %s with its context alone', (method, [message, ...rest], level, context) => {
    const lines: Record<string, unknown>[] = [];
    new FrameworkLog(logTo(lines, 'debug'))[method](message, ...rest);
    expect(lines).toMatchObject([{ event: 'framework', level, context }]);
    expect(JSON.stringify(lines)).not.toContain('canary');
  });
});
