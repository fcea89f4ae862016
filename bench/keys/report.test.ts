import { describe, expect, it } from '@jest/globals';
import type { Figures } from '../figures.js';
import { type KeysReport, textOf, verdictsOf } from './report.js';

const figures = (p95: number, refused = 0) => ({ acceptedMs: { p50: 5, p95, p99: p95 }, refused }) as Figures;
const MEASURED: KeysReport = {
  machine: {
    cpu: 'one',
    cores: 1,
    node: 'v24.0.0',
    openssl: 'OpenSSL 3',
    postgres: 'PostgreSQL 15',
    signsPerSecond: 1,
  },
  date: '2026-11-29T00:00:00Z',
  grants: { decrypts: 1_000, moved: 450 },
  custody: { sealed: 1, managed: 1.05, peak: 1_000 },
  rotation: {
    keys: 100,
    alone: 2_000,
    perSecond: 500,
    quiet: figures(20),
    busy: figures(30),
    meanwhile: 200,
  },
};
const { grants, custody, rotation } = MEASURED;
const changed = (changes: object): KeysReport => ({ ...MEASURED, ...changes });
const held = (changes: object) => verdictsOf(changed(changes)).map((one) => one.held);

describe('the bounds of keys', () => {
  it('are held at their edge', () => {
    expect(held({})).toEqual([true, true, true, true, true]);
    expect(textOf(MEASURED)).not.toContain('missed');
  });

  it('say nothing of what was not measured', () => {
    expect(held({ grants: undefined, rotation: undefined })).toEqual([true]);
    expect(textOf(changed({ custody: undefined, rotation: undefined }))).not.toContain('KEK');
  });

  // Each is a planted fault: one that is not noticed would make every run a good one.
  it.each([
    ['grants that move slower', { grants: { ...grants, moved: 449 } }, [false, true, true, true, true]],
    ['a managed name that costs more', { custody: { ...custody, managed: 1.06 } }, [true, false, true, true, true]],
    ['a slow rotation', { rotation: { ...rotation, alone: 1_999 } }, [true, true, false, true, true]],
    ['slow envelopes', { rotation: { ...rotation, busy: figures(30.1) } }, [true, true, true, false, true]],
    ['nothing measured', { rotation: { ...rotation, busy: figures(Number.NaN) } }, [true, true, true, false, true]],
    ['a refused envelope', { rotation: { ...rotation, busy: figures(30, 1) } }, [true, true, true, true, false]],
  ])('are not held with %s', (_name, changes, expected) => {
    expect(held(changes)).toEqual(expected);
    expect(textOf(changed(changes))).toContain('missed');
  });
});
