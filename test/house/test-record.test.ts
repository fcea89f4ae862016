import { describe, expect, it } from '@jest/globals';
import { closingLine, secondsOf, secondsTable, TestRecord } from '../../scripts/testing/record.mjs';

const ended = (file: string, counts: { passed?: number; failed?: number; skipped?: number } = {}) =>
  ({ event: 'ended', file, seconds: 1.5, passed: 0, failed: 0, skipped: 0, ...counts }) as const;

describe('what is known of a run', () => {
  it('adds up files, and checks outside of Jest', () => {
    const record = new TestRecord();
    record.note({ event: 'began', file: 'a.test.ts' });
    record.note(ended('a.test.ts', { passed: 3, skipped: 2 }));
    record.note(ended('b.test.ts', { passed: 1, failed: 2 }));
    record.noteCheck({ name: 'types', passed: true });
    record.noteCheck({ name: 'lint', passed: false });
    expect(record.counts()).toEqual({ passed: 5, failed: 3, skipped: 2 });
    expect(record.troubles()).toEqual(['failed: lint', 'failed: b.test.ts, 2 tests']);
  });

  it('names a file whose worker died, as one failure', () => {
    const record = new TestRecord();
    record.note({ event: 'began', file: 'a.test.ts' });
    record.note(ended('a.test.ts'));
    record.note({ event: 'broke', file: 'a.test.ts', why: 'a worker was terminated' });
    expect(record.counts()).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(record.troubles()).toEqual(['broke: a.test.ts: a worker was terminated']);
  });

  it('does not count a file twice where something threw beside its failed tests', () => {
    const record = new TestRecord();
    record.note(ended('a.test.ts', { failed: 2 }));
    record.note({ event: 'broke', file: 'a.test.ts', why: 'thrown after the tests' });
    expect(record.counts()).toEqual({ passed: 0, failed: 2, skipped: 0 });
  });

  it('names the files that have not ended, longest first, each a failure', () => {
    const record = new TestRecord();
    record.note({ event: 'began', file: 'short.test.ts' }, 8_000);
    record.note({ event: 'began', file: 'long.test.ts' }, 2_000);
    expect(record.running(10_000).map(({ file }) => file)).toEqual(['long.test.ts', 'short.test.ts']);
    expect(record.troubles(10_000)).toEqual([
      'did not end: long.test.ts, running for 8 s',
      'did not end: short.test.ts, running for 2 s',
    ]);
    expect(record.counts().failed).toBe(2);
  });
});

describe('seconds per file', () => {
  const table = secondsTable(
    [
      { file: 'quick.test.ts', seconds: 0.25 },
      { file: 'slow.test.ts', seconds: 12.34 },
    ],
    9,
  );

  it('are shown slowest first', () =>
    expect(table).toBe(
      [
        '2 test files, 13 seconds together, 9 seconds by the clock',
        '   12.3  slow.test.ts',
        '    0.3  quick.test.ts',
        '',
      ].join('\n'),
    ));

  it('are read again', () =>
    expect([...secondsOf(table)]).toEqual([
      ['slow.test.ts', 12.3],
      ['quick.test.ts', 0.3],
    ]));
});

describe('closing line', () => {
  it.each([
    ['a clean run', { passed: 9, failed: 0, skipped: 1 }, 0, '9 passed, 0 failed, 1 skipped'],
    ['failed tests', { passed: 9, failed: 2, skipped: 0 }, 1, '9 passed, 2 failed, 0 skipped'],
    ['a missed coverage gate', { passed: 9, failed: 0, skipped: 0 }, 1, '9 passed, 1 failed, 0 skipped'],
    ['a crash before any test', { passed: 0, failed: 0, skipped: 0 }, 134, '0 passed, 1 failed, 0 skipped'],
  ])('tells %s', (_name, counts, exitCode, line) => expect(closingLine(counts, exitCode)).toBe(line));
});
