import { describe, expect, it } from '@jest/globals';
import { type GrowthReport, textOf, verdictsOf } from './report.js';

const machine = { cpu: 'a processor', cores: 2, node: 'v24', postgres: 'PostgreSQL' };
const report = (medians: number[], more: Partial<GrowthReport> = {}, failures = 0): GrowthReport => ({
  machine,
  date: '2026-11-28',
  sizes: [1_000, 1_000_000],
  operations: [{ name: 'find', medians, failures }],
  control: { name: 'control', medians: [1, 100], failures: 0 },
  ...more,
});
const held = (of: GrowthReport) => verdictsOf(of).map((one) => one.held);

describe('the bounds of growth', () => {
  it('are held at their edge', () => {
    expect(held(report([2, 3]))).toEqual([true, true]);
  });

  // Each is a planted fault: one that is not noticed would make every run a good one.
  it.each([
    ['an operation that grows', report([2, 3.01]), [true, false]],
    ['an operation that fails', report([2, 2], {}, 1), [true, false]],
    ['an operation that was not measured', report([]), [true, false]],
    [
      'a control that does not grow',
      report([2, 2], { control: { name: 'control', medians: [1, 1.5], failures: 0 } }),
      [false, true],
    ],
  ])('are not held with %s', (_name, of, expected) => {
    expect(held(of)).toEqual(expected);
  });

  it('are told with the median of every size', () => {
    expect(textOf(report([2, 3.5]))).toContain('| find | 2.00 ms | 3.50 ms | 1.75 |');
  });
});
