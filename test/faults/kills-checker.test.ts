import { describe, expect, it } from '@jest/globals';
import type { Completion, Evidence, HistoryLine } from './kills-history.js';
import { findFaults, workOf } from './kills-history.js';
import type { Counted } from './kills-usage.js';
import { miscounted } from './kills-usage.js';

// What finds nothing must be able to find: each fault is planted into a history without one.

const acknowledged = (version: number, text: string): HistoryLine => ({
  op: 'acknowledged',
  name: 'kills/a',
  version,
  text,
  chash: `sha256:${text}`,
});
const STORED = ['one', 'two'];
const HISTORY: readonly HistoryLine[] = [
  acknowledged(1, 'one'),
  { op: 'asked', marker: 'm1' },
  { op: 'tried', code: 'transport_failed' },
  { op: 'answered', marker: 'm1', text: 'yes' },
  acknowledged(2, 'two'),
  { op: 'asked', marker: 'm2' },
  { op: 'refused', marker: 'm2', code: 'indeterminate' },
  { op: 'asked', marker: 'm3' },
  { op: 'refused', marker: 'm3', code: 'transport_failed' },
];
const COMPLETIONS: readonly Completion[] = [
  { marker: 'm1', jti: 'inv_1', started: 1 },
  { marker: 'm2', jti: 'inv_2', started: 1 },
];

function evidence(stored = STORED, completions = COMPLETIONS, bytes = stored): Evidence {
  return {
    completions,
    answer: 'yes',
    read(_name, version) {
      const [text, kept] = [stored[version - 1], bytes[version - 1]];
      return Promise.resolve(text === undefined ? undefined : { text, chash: `sha256:${kept}` });
    },
  };
}

describe('the checker of histories', () => {
  it('finds nothing where nothing is wrong', async () => {
    expect(await findFaults(HISTORY, evidence())).toEqual([]);
  });

  it.each<[name: string, lines: readonly HistoryLine[], of: Evidence, fault: string]>([
    ['a lost version', HISTORY, evidence(['one']), 'kills/a v2 was acknowledged and is lost'],
    ['a changed version', HISTORY, evidence(['one', 'too']), 'kills/a v2 is not what was acknowledged'],
    [
      'a version sealed anew',
      HISTORY,
      evidence(STORED, COMPLETIONS, ['one', 'again']),
      'kills/a v2 is kept in other bytes',
    ],
    [
      'two texts for one version',
      [...HISTORY, acknowledged(1, 'ONE')],
      evidence(),
      'kills/a v1 was acknowledged for two texts',
    ],
    [
      'a question that was completed twice',
      HISTORY,
      evidence(STORED, [...COMPLETIONS, { marker: 'm1', jti: 'inv_1', started: 2 }]),
      'inv_1 was completed 2 times',
    ],
    [
      'an intention that was completed for two questions',
      HISTORY,
      evidence(STORED, [...COMPLETIONS, { marker: 'm1', jti: 'inv_9', started: 1 }]),
      'm1 was completed for inv_1 and for inv_9',
    ],
    ['an answer without a completion', HISTORY, evidence(STORED, COMPLETIONS.slice(1)), 'm1 was answered by nobody'],
    [
      'another answer than the model gave',
      HISTORY.map((line) => (line.op === 'answered' ? { ...line, text: 'no' } : line)),
      evidence(),
      'm1 was not answered as the model did',
    ],
    [
      'a run that called the model and ended as something else',
      HISTORY,
      evidence(STORED, [...COMPLETIONS, { marker: 'm3', jti: 'inv_3', started: 1 }]),
      'm3 called the model and ended as transport_failed',
    ],
    ['a run without an end', [...HISTORY, { op: 'asked', marker: 'm4' }], evidence(), 'm4 has no end'],
    [
      'a run with two ends',
      [...HISTORY, { op: 'refused', marker: 'm2', code: 'indeterminate' }],
      evidence(),
      'm2 ended twice',
    ],
    ['a failure of ours', [...HISTORY, { op: 'tried', code: 'internal' }], evidence(), 'a writer was told internal'],
    [
      'a failure of ours in a run',
      [...HISTORY, { op: 'refused', marker: 'm5', code: 'internal' }],
      evidence(),
      'm5 was told internal',
    ],
  ])('finds %s', async (_name, lines, of, fault) => {
    expect(await findFaults(lines, of)).toContain(fault);
  });
});

describe('the work of the clients', () => {
  it('counts as cut short only what had called the model', () => {
    expect(workOf(HISTORY, COMPLETIONS)).toEqual({ versions: 2, answers: 1, cutShort: 1 });
    expect(workOf(HISTORY, COMPLETIONS.slice(0, 1))).toMatchObject({ cutShort: 0 });
  });
});

describe('the checker of usage', () => {
  const end = (res: string) => ({ act: 'invocation.finish', res, obj: {} });
  const ends = [end('ok'), end('ok'), end('error'), { act: 'invocation.run', res: 'ok', obj: {} }];
  const completions = ['inv_1', 'inv_2', 'inv_3', 'inv_4'].map((jti) => ({ jti }));

  it('finds nothing where each answer is counted once, and a run that was given up once or not', () => {
    expect(miscounted(ends, completions, { runs: 3, failed: 1 })).toEqual([]);
    expect(miscounted(ends, completions, { runs: 2, failed: 0 })).toEqual([]);
  });

  it.each<[string, Counted, number, string]>([
    ['an answer that is not counted', { runs: 2, failed: 1 }, 4, '2 answers ended, and 1 are counted'],
    ['an answer that is counted twice', { runs: 3, failed: 0 }, 4, '2 answers ended, and 3 are counted'],
    ['a run that is counted twice', { runs: 4, failed: 2 }, 4, '3 runs ended, and 4 are counted'],
    ['a run that called no model', { runs: 3, failed: 1 }, 2, '2 runs called the model, and 3 are counted'],
  ])('finds %s', (_what, counted, called, fault) => {
    expect(miscounted(ends, completions.slice(0, called), counted)).toContain(fault);
  });
});
