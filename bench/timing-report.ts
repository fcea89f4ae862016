import type { Host } from './machine.js';
import { type Class, CLASSES } from './timing-classes.js';
import { compare, type Comparison, T_MAX } from './welch.js';

/** Microseconds: processor time of all threads, which other processes hardly touch, and by the clock, as others see it. */
export type Times = Readonly<Record<Class, { readonly cpu: readonly number[]; readonly clock: readonly number[] }>>;

export interface TimingReport {
  readonly host: Host;
  readonly date: string;
  readonly times: Times;
}

/** What must not be told apart: who could would learn from a stranger's message whether its OAEP is good (RFC 7516 §11.5). */
const PAIRS: readonly (readonly [Class, Class])[] = [
  ['tag', 'oaep'],
  ['tag', 'hash'],
  ['tag', 'length'],
  ['oaep', 'hash'],
];
const PLANTED = ['oaep', 'planted'] as const;

/** Whether no pair can be told apart. */
export function isHeld({ times }: TimingReport): boolean {
  return PAIRS.every((pair) => !differs(times, pair));
}

/** Whether the planted delay was found: where it was not, nothing is known about the others. */
export function isFound({ times }: TimingReport): boolean {
  const { cpu } = comparisonsOf(times, PLANTED);
  return cpu.differs && cpu.difference > 0;
}

/** Everything that was measured, as Markdown. */
export function textOf(report: TimingReport): string {
  const { host, date, times } = report;
  return [
    '# Timing',
    '',
    `${date.slice(0, 10)}. ${host.cpu}, ${host.cores} cores; Node ${host.node.slice(1)} (OpenSSL ${process.versions.openssl}). ${times.tag.cpu.length} of each class, in random order, one at a time; Welch's t without the slowest tenth of each pair. Beyond ${T_MAX} the two can be told apart; in brackets the difference from which they would be.`,
    '',
    '| | | processor time | t | by the clock | t | |',
    '|---|---|---|---|---|---|---|',
    ...PAIRS.map((pair) => rowOf(times, pair, ['**can be told apart**', 'the same'])),
    rowOf(times, PLANTED, ['the planted delay is found', '**the planted delay is not found**']),
    rowOf(times, ['tag', 'opens'], ['the answer itself tells it', 'the same']),
    '',
    isFound(report)
      ? `- ${isHeld(report) ? 'held' : '**missed**'}: how long it takes does not tell why something does not open (${us(resolutionOf(times))} would have been noticed)`
      : '- **nothing is known**: this machine was too busy to find a planted delay',
    '',
  ].join('\n');
}

function comparisonsOf(times: Times, [first, second]: readonly [Class, Class]): { cpu: Comparison; clock: Comparison } {
  return {
    cpu: compare(times[first].cpu, times[second].cpu),
    clock: compare(times[first].clock, times[second].clock),
  };
}

/** The processor time from which on a difference of any pair would have been noticed. */
function resolutionOf(times: Times): number {
  return Math.max(...PAIRS.map((pair) => comparisonsOf(times, pair).cpu.noticeable));
}

function differs(times: Times, pair: readonly [Class, Class]): boolean {
  const { cpu, clock } = comparisonsOf(times, pair);
  return cpu.differs || clock.differs;
}

function rowOf(times: Times, pair: readonly [Class, Class], [ifDifferent, ifSame]: readonly [string, string]): string {
  const { cpu, clock } = comparisonsOf(times, pair);
  const columns = [cpu, clock].flatMap(({ t, difference, noticeable }) => [
    `${us(difference)} (${us(noticeable)})`,
    t.toFixed(1),
  ]);
  const names = pair.map((name) => CLASSES[name]);
  return `| ${[...names, ...columns, differs(times, pair) ? ifDifferent : ifSame].join(' | ')} |`;
}

function us(value: number): string {
  return `${value.toFixed(1)} µs`;
}
