import type { Verdict } from '../figures.js';
import type { Machine } from '../machine.js';
import type { AddedTime, Part } from './added-time.js';
import type { IdleStreams } from './idle-streams.js';

const ADDED_MS_MAX = 12;
const FIRST_ADDED_MS_MAX = 10;
const CHUNK_MICROSECONDS_MAX = 60;
/** Of a call: the asker signs question and request, the responder opens the question and signs the answer. */
const OPERATIONS_MAX = 4;
/** Of the call's part of an envelope for a hundred, which is asked for and signed, and of what services sign on a timer. */
const OPERATIONS_BESIDE = 0.05;
const MEMORY_MIB_MAX = 300;

export interface ProxyReport {
  readonly machine: Machine;
  readonly date: string;
  readonly added: AddedTime;
  readonly idle: IdleStreams;
}

/** Everything that was measured, as Markdown: it is read on the terminal and kept in RESULTS.md. */
export function textOf(report: ProxyReport): string {
  const { machine, date, added, idle } = report;
  const { cpu, cores, node, postgres } = machine;
  const { direct, proxied, costs, operations } = added;
  const times = (what: string, one: number, other: number) =>
    `| ${what} | ${one.toFixed(1)} ms | ${other.toFixed(1)} ms | ${(other - one).toFixed(1)} ms |`;
  const parts = Object.keys(costs) as Part[];
  return [
    '# Proxy',
    '',
    `${date.slice(0, 10)}. ${cpu}, ${cores} cores; Node ${node.slice(1)}, ${postgres}. Model server, proxy, vault, responder, database and app share the machine. One call after the other, of 1 KiB, the same upstream with and without Bulla in turns, everything warm.`,
    '',
    '| median | direct | through the proxy | added |',
    '|---|---|---|---|',
    times('a whole answer', direct.wholeMs, proxied.wholeMs),
    times('the first word of a stream', direct.firstMs, proxied.firstMs),
    '',
    '| for each call, under a shared envelope | processor time | private-key operations |',
    '|---|---|---|',
    ...parts.map((part) => `| ${part} | ${costs[part].toFixed(2)} ms | ${operations[part].toFixed(2)} |`),
    `| together | ${sumOf(costs).toFixed(2)} ms | ${sumOf(operations).toFixed(2)} |`,
    '',
    '| streams | |',
    '|---|---|',
    `| proxy, for each chunk | ${added.chunkMicroseconds.toFixed(0)} µs |`,
    `| most memory of the proxy with ${idle.streams} streams open | ${idle.memoryMiB.toFixed(0)} MiB |`,
    '',
    ...verdictsOf(report).map(({ what, held }) => `- ${held ? 'held' : '**missed**'}: ${what}`),
    '',
  ].join('\n');
}

export function verdictsOf({ added, idle }: Pick<ProxyReport, 'added' | 'idle'>): Verdict[] {
  const { direct, proxied, operations, chunkMicroseconds } = added;
  const addedMs = proxied.wholeMs - direct.wholeMs;
  const firstMs = proxied.firstMs - direct.firstMs;
  const used = sumOf(operations);
  return [
    {
      what: `it adds at most ${ADDED_MS_MAX} ms to a whole answer (${addedMs.toFixed(1)})`,
      held: addedMs <= ADDED_MS_MAX,
    },
    {
      what: `the first word of a stream comes at most ${FIRST_ADDED_MS_MAX} ms later (${firstMs.toFixed(1)})`,
      held: firstMs <= FIRST_ADDED_MS_MAX,
    },
    {
      what: `a chunk of a stream takes at most ${CHUNK_MICROSECONDS_MAX} µs of the proxy (${chunkMicroseconds.toFixed(0)})`,
      held: chunkMicroseconds <= CHUNK_MICROSECONDS_MAX,
    },
    {
      what: `a call takes at most ${OPERATIONS_MAX} private-key operations, beside its hundredth of an envelope (${used.toFixed(2)})`,
      held: used <= OPERATIONS_MAX + OPERATIONS_BESIDE,
    },
    { what: 'private-key operations are counted', held: used > 0 },
    {
      what: `${idle.streams} streams at one proxy stay below ${MEMORY_MIB_MAX} MiB (${idle.memoryMiB.toFixed(0)})`,
      held: idle.memoryMiB < MEMORY_MIB_MAX,
    },
  ];
}

function sumOf(values: Readonly<Record<Part, number>>): number {
  return Object.values(values).reduce((sum, value) => sum + value, 0);
}
