import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLongRun, sampled } from '@bulla/testkit';
import { afterAll, describe, expect, it } from '@jest/globals';
import { DATED_FILES, SLOW_DATED_FILES } from './dated-files.js';
import { type DatedTools, findDatedTools, runOn } from './dated-run.js';
import { type Day, HARD_DAYS, ORDINARY_DAY } from './hard-days.js';

// The files that read the clock, once more on days that hurt: on two of them, and on all in a long run.

const DAYS_OF_A_RUN = 2;
const FILES = isLongRun() ? [...DATED_FILES, ...SLOW_DATED_FILES] : DATED_FILES;
const LIMIT_MS = 900_000;
const HOUR_MS = 3_600_000;

const folder = mkdtempSync(join(tmpdir(), 'bulla-days-'));
chmodSync(folder, 0o755);
const found = findDatedTools(folder);
const tools = found as DatedTools;
const withTools = found === undefined ? describe.skip : describe;
afterAll(() => rmSync(folder, { recursive: true }));

withTools('the files that read the clock', () => {
  it.each(sampled(HARD_DAYS, DAYS_OF_A_RUN))(
    'hold on $name ($at)',
    async (day) => {
      const { status, closing, text } = await runOn(day, tools, FILES);
      expect({ status, closing, text: status === 0 ? '' : text }).toEqual({
        status: 0,
        closing: expect.stringMatching(/^[1-9][0-9]* passed, 0 failed, [0-9]+ skipped$/),
        text: '',
      });
    },
    LIMIT_MS,
  );
});

withTools('a test that counts on an ordinary day', () => {
  const planted = (day: Day) => runOn(day, tools, ['--config=test/days/planted/jest.config.mjs']);

  it('holds on such a day', async () => {
    expect(await planted(ORDINARY_DAY)).toMatchObject({ status: 0, closing: '5 passed, 0 failed, 0 skipped' });
  });

  it('is caught on a hard one, by the clock of Node and by that of the database', async () => {
    const { status, text, closing } = await planted(HARD_DAYS[0]);
    expect({ status, closing, text }).toMatchObject({ status: 1, closing: '1 passed, 4 failed, 0 skipped' });
    // Both stood in June of that year: it is the clocks that failed them.
    expect(text.match(/Expected: "2025-06"\s+Received: "2025-05"/g)).toHaveLength(2);
    expect(text.match(/Expected: 0\s+Received: 30\b/g)).toHaveLength(1);
    expect(text.match(/Expected: "true"\s+Received: "false"/g)).toHaveLength(1);
  });
});

describe('the hard days', () => {
  const offsetAt = (ms: number, zone: string) =>
    new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' })
      .formatToParts(ms)
      .find(({ type }) => type === 'timeZoneName')?.value;
  const monthOf = (ms: number) => new Date(ms).toISOString().slice(0, 7);

  it.each(HARD_DAYS)('hurt as they are called: $name', ({ at, zone, hurts }) => {
    const ms = Date.parse(at);
    expect({
      began: monthOf(ms - HOUR_MS) !== monthOf(ms),
      ends: monthOf(ms + HOUR_MS) !== monthOf(ms),
      'other offset': offsetAt(ms - HOUR_MS / 2, zone) !== offsetAt(ms, zone),
      'leap day': at.slice(5, 10) === '02-29',
    }).toEqual({ began: false, ends: false, 'other offset': false, 'leap day': false, [hurts]: true });
  });
});
