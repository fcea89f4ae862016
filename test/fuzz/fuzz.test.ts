import { readFileSync } from 'node:fs';
import { CryptoError } from '@bulla/crypto';
import { describe, expect, it } from '@jest/globals';
import { fuzz as plantedError } from '../../fuzz/control/planted-error.mjs';
import { fuzz as plantedHang } from '../../fuzz/control/planted-hang.mjs';
import { readOutput } from '../../fuzz/jazzer.mjs';
import { pageOf, tableOf } from '../../fuzz/report.mjs';
import { read, readLater } from '../../fuzz/targets/kit/refusals.js';
import { repository } from '../../scripts/workspaces.mjs';

const ENDED = `INFO: Running with entropic power schedule (0xFF, 100).
#2\tINITED cov: 7 ft: 7 corp: 1/1b exec/s: 0 rss: 259Mb
#16384\tpulse  cov: 58 ft: 201 corp: 40/900b lim: 163 exec/s: 8192 rss: 300Mb
#62826\tDONE   cov: 60 ft: 260 corp: 66/1412b lim: 381 exec/s: 10471 rss: 323Mb
Done 62826 runs in 6 second(s)
stat::number_of_executed_units: 62826
`;
const STOPPED = `#2\tINITED cov: 24 ft: 24 corp: 1/1b exec/s: 0 rss: 186Mb
#5390\tREDUCE cov: 26 ft: 26 corp: 3/9b lim: 53 exec/s: 0 rss: 235Mb L: 4/4 MS: 1 CrossOver-
ALARM: working on the last Unit for 3 seconds
SUMMARY: libFuzzer: timeout
`;

const outcome = {
  name: 'note',
  executions: 12_000,
  seconds: 4,
  newUnits: 3,
  coverage: 60,
  findings: [],
  fault: undefined,
  output: '',
};

describe('a run of the fuzzer', () => {
  it.each([
    ['ended', ENDED, { executions: 62_826, coverage: 60 }],
    ['was stopped by a finding', STOPPED, { executions: 5390, coverage: 26 }],
    ['did not begin', 'Error: Cannot find module', { executions: 0, coverage: 0 }],
  ])('is counted when it %s', (_name, text, counts) => expect(readOutput(text)).toEqual(counts));

  it('is told as a table, in which what did not run is no success', () => {
    const table = tableOf([
      outcome,
      { ...outcome, name: 'tag', findings: ['crash-1'] },
      { ...outcome, fault: 'it ended' },
    ]);
    const cells = table.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
    expect(cells[2]).toEqual(['', 'note', '12,000', '3,000', '3', '60', '0', '']);
    expect(cells.map((row) => row.at(-2))).toEqual([
      'findings',
      expect.stringMatching(/^-+:$/),
      '0',
      '1',
      'did not run',
    ]);
  });

  it('is kept with how soon the planted faults were found', () => {
    const page = pageOf([outcome], { seconds: 60, controls: [outcome], machine: 'a machine', date: '2026-11-26' });
    expect(page).toContain('1 targets, 60 seconds each: 12,000 inputs, 0 findings');
    expect(page).toContain('`note` after 12,000');
  });
});

describe('the planted faults', () => {
  it('are there, behind what has to be found', () => {
    expect(() => plantedError(Buffer.from('seal\u00ff', 'latin1'))).toThrow(RangeError);
    for (const text of ['', 'sea', 'seal', 'seal\u0001', 'real\u00ff'])
      expect(() => plantedError(Buffer.from(text, 'latin1'))).not.toThrow();
  });

  it('come back where they should', async () => {
    for (const text of ['', '(', '((x)', 'x((']) await expect(plantedHang(Buffer.from(text))).resolves.toBeUndefined();
  });
});

describe('a refusal', () => {
  const refuse = (error: unknown) => () => {
    throw error;
  };

  it('is one of the closed list, or an error that the parser has instead', async () => {
    class TemplateError extends Error {
      override readonly name = 'TemplateError';
    }
    expect(read(refuse(new CryptoError('token_malformed', 'x')))).toBeUndefined();
    expect(read(refuse(new TemplateError()), 'TemplateError')).toBeUndefined();
    expect(await readLater(() => Promise.reject(new CryptoError('open_failed', 'x')))).toBeUndefined();
    expect(read(() => 1)).toBe(1);
  });

  it.each([
    ['another error', new TypeError('x')],
    ['a code that nobody knows', Object.assign(new Error('x'), { name: 'CryptoError', code: 'toString' })],
    ['an error of another parser', Object.assign(new Error('x'), { name: 'TemplateError' })],
  ])('is not %s', async (_name, error) => {
    expect(() => read(refuse(error))).toThrow(error);
    await expect(readLater(() => Promise.reject(error))).rejects.toBe(error);
  });
});

describe('what fuzzes', () => {
  const lock = readFileSync(`${repository}/fuzz/package-lock.json`, 'utf8');
  const { dependencies } = JSON.parse(readFileSync(`${repository}/fuzz/package.json`, 'utf8')) as {
    dependencies: Record<string, string>;
  };

  it('is pinned, hashed and without addresses', () => {
    const { packages } = JSON.parse(lock) as { packages: Record<string, { integrity?: string; version?: string }> };
    const installed = Object.entries(packages).filter(([path]) => path !== '');
    expect(installed.length).toBeGreaterThan(50);
    expect(installed.filter(([, { integrity }]) => integrity === undefined)).toEqual([]);
    expect(lock).not.toContain('"resolved"');
    for (const [name, range] of Object.entries(dependencies))
      expect([name, range]).toEqual([name, packages[`node_modules/${name}`]?.version]);
  });

  it('needs no script of any package', () => expect(lock).not.toContain('hasInstallScript'));
});
