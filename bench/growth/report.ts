import type { Verdict } from '../figures.js';
import type { Machine } from '../machine.js';

/** From the smallest size to the largest. */
export const TIMES_MAX = 1.5;

/** One operation at every size. */
export interface Grown {
  readonly name: string;
  /** Median of each size, in the order of the sizes, in milliseconds. */
  readonly medians: readonly number[];
  /** How many answers were not 2xx. */
  readonly failures: number;
}

export interface GrowthReport {
  readonly machine: Pick<Machine, 'cpu' | 'cores' | 'node' | 'postgres'>;
  readonly date: string;
  /** Prompts, ascending. */
  readonly sizes: readonly number[];
  readonly operations: readonly Grown[];
  /** A read of a whole table, which must be seen to grow. */
  readonly control: Grown;
}

/** The median at the largest size, in that at the smallest. */
export function timesOf({ medians }: Grown): number {
  return (medians.at(-1) ?? Number.NaN) / (medians[0] ?? Number.NaN);
}

export function verdictsOf({ operations, control }: GrowthReport): Verdict[] {
  return [
    {
      what: `the control, a read of a whole table, is seen to grow (${timesOf(control).toFixed(2)} times)`,
      held: timesOf(control) > TIMES_MAX,
    },
    ...operations.map((one) => ({
      what: `${one.name}: at most ${TIMES_MAX} times from the smallest to the largest (${timesOf(one).toFixed(2)}), no failure (${one.failures})`,
      held: timesOf(one) <= TIMES_MAX && one.failures === 0,
    })),
  ];
}

/** As Markdown: it is read on the terminal and kept in RESULTS.md. */
export function textOf(report: GrowthReport): string {
  const { machine, date, sizes, operations, control } = report;
  const row = (one: Grown) =>
    `| ${[one.name, ...one.medians.map((ms) => `${ms.toFixed(2)} ms`), timesOf(one).toFixed(2)].join(' | ')} |`;
  return [
    '# Growth',
    '',
    `${date.slice(0, 10)}. ${machine.cpu}, ${machine.cores} cores; Node ${machine.node.slice(1)}, ${machine.postgres}. One client; the median of each.`,
    '',
    `| prompts | ${sizes.map((size) => size.toLocaleString('en')).join(' | ')} | times |`,
    `|---|${sizes.map(() => '---|').join('')}---|`,
    ...operations.map(row),
    row({ ...control, name: 'control: a whole table' }),
    '',
    ...verdictsOf(report).map(({ what, held }) => `- ${held ? 'held' : '**missed**'}: ${what}`),
    '',
  ].join('\n');
}
