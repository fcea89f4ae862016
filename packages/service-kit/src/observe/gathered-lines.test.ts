import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { GatheredLines } from './gathered-lines.js';

const EVENT_LOG = fileURLToPath(new URL('../../dist/observe/event-log.js', import.meta.url));
const written = () => {
  const writes: string[] = [];
  return { writes, lines: new GatheredLines({ write: (text) => void writes.push(text) }) };
};

describe('lines of the log', () => {
  it('are written in their order, the first at once and those of a moment together', async () => {
    const { writes, lines } = written();
    for (const line of ['one\n', 'two\n', 'three\n']) lines.write(line);
    expect(writes).toEqual(['one\n']);
    while (writes.length < 2) await pause(1);
    expect(writes).toEqual(['one\n', 'two\nthree\n']);
    // That was a moment ago.
    lines.write('four\n');
    expect(writes).toHaveLength(2);
    while (writes.length < 3) await pause(1);
    expect(writes).toEqual(['one\n', 'two\nthree\n', 'four\n']);
    // Nothing came for longer than a moment.
    await pause(100);
    lines.write('five\n');
    expect(writes.slice(3)).toEqual(['five\n']);
  });

  it('are written once where somebody cannot wait', async () => {
    const { writes, lines } = written();
    for (const line of ['one\n', 'two\n']) lines.write(line);
    lines.flush();
    lines.flush();
    await pause(100);
    expect(writes).toEqual(['one\n', 'two\n']);
  });

  it.each([
    ['exits', 'process.exit(3);', 3],
    ['fails', 'throw new Error("unexpected");', 1],
  ])('are there when the process %s a moment later', (_name, end, code) => {
    const program = `
      import { EventLog, LogEvent } from ${JSON.stringify(EVENT_LOG)};
      new EventLog({ service: 'tiny' }).write(new LogEvent('service-stopped', 'info'));
      new EventLog({ service: 'other' }).write(new LogEvent('service-stopped', 'info'));
      ${end}`;
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
      encoding: 'utf8',
    });
    expect(status).toBe(code);
    const events = stderr.split('\n').filter((line) => line.startsWith('{'));
    expect(events.map((line) => (JSON.parse(line) as { service: string }).service)).toEqual(['tiny', 'other']);
  });
});
