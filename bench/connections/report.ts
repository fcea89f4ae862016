import { listed, type Verdict } from '../figures.js';
import type { Host } from '../machine.js';
import { memoryVerdicts, type OpenStretch, openVerdict, type StreamStretch, streamVerdicts } from './verdicts.js';

export interface ConnectionsReport {
  readonly host: Host;
  readonly date: string;
  readonly stretches: readonly OpenStretch[];
  /** Undefined where they were not asked for. */
  readonly streams: StreamStretch | undefined;
  /** By process. */
  readonly memoryMiB: Readonly<Record<string, number>>;
}

export function verdictsOf({ stretches, streams, memoryMiB }: ConnectionsReport): Verdict[] {
  return [
    ...stretches.map(openVerdict),
    ...(streams === undefined ? [] : streamVerdicts(streams)),
    ...memoryVerdicts(memoryMiB),
  ];
}

/** As Markdown: it is read on the terminal and kept in RESULTS.md. */
export function textOf(report: ConnectionsReport): string {
  const { host, date, stretches, streams, memoryMiB } = report;
  const ms = (value: number) => (Number.isNaN(value) ? '–' : `${value.toFixed(0)} ms`);
  return [
    '# Connections',
    '',
    `${date.slice(0, 10)}. ${host.cpu}, ${host.cores} cores; Node ${host.node.slice(1)}. Services, database and clients share the machine.`,
    '',
    '| asked for | connections | a second | seconds | requests | answers by status | p50 | p95 | p99 |',
    '|---|---|---|---|---|---|---|---|---|',
    ...stretches.map(({ what, open, perSecond, figures }) => {
      const { p50, p95, p99 } = figures.acceptedMs;
      const cells = [open, perSecond.toFixed(0), figures.seconds.toFixed(0), figures.offered, listed(figures.statuses)];
      return `| ${[what, ...cells, ms(p50), ms(p95), ms(p99)].join(' | ')} |`;
    }),
    ...(streams === undefined ? [] : ['', `${streams.open} streams were open at once at one responder.`]),
    '',
    `Most memory at once: ${Object.entries(memoryMiB)
      .map(([name, mib]) => `${name} ${mib.toFixed(0)} MiB`)
      .join(', ')}.`,
    '',
    ...verdictsOf(report).map(({ what, held }) => `- ${held ? 'held' : '**missed**'}: ${what}`),
    '',
  ].join('\n');
}
