/** What became of one request. */
export interface Outcome {
  /** 0 when the connection ended, or nothing came in time. */
  readonly status: number;
  /** The code of the problem; undefined for what was hoped for. */
  readonly code: string | undefined;
  /** From the moment it was due to the last byte of its answer. */
  readonly latencyMs: number;
}

/** What was measured in one stretch of load. */
export interface Figures {
  readonly seconds: number;
  readonly offered: number;
  /** Answers with 2xx. */
  readonly accepted: number;
  /** Accepted, a second. */
  readonly goodput: number;
  readonly acceptedMs: Spread;
  readonly refused: number;
  readonly refusedMs: Spread;
  /** How often each code was the reason, most often first. */
  readonly codes: readonly (readonly [code: string, count: number])[];
  /** How often each status came; 0 is no answer. */
  readonly statuses: readonly (readonly [status: number, count: number])[];
}

/** Milliseconds; NaN where there was nothing to measure. */
export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** @param seconds how long requests were offered. */
export function figuresOf(outcomes: readonly Outcome[], seconds: number): Figures {
  const accepted = outcomes.filter(isAccepted);
  const refused = outcomes.filter((outcome) => !isAccepted(outcome));
  return {
    seconds,
    offered: outcomes.length,
    accepted: accepted.length,
    goodput: accepted.length / seconds,
    acceptedMs: spreadOf(accepted),
    refused: refused.length,
    refusedMs: spreadOf(refused),
    codes: countedBy(refused, ({ code, status }) => code ?? `status ${status}`),
    statuses: countedBy(outcomes, ({ status }) => status),
  };
}

/**
 * The value below or at which a share of all lie: the nearest rank, so always one of them.
 * @param sorted ascending. @param share from 0 to 1.
 */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** What a service must hold under twice what it can do. */
export interface Bounds {
  /** Goodput as a share of the peak. */
  readonly goodputShareMin: number;
  readonly refusedMedianMsMax: number;
  readonly memoryMiBMax: number;
}

export const BOUNDS: Bounds = { goodputShareMin: 0.8, refusedMedianMsMax: 100, memoryMiBMax: 512 };

/** One line for each bound, and whether it was held. */
export interface Verdict {
  readonly what: string;
  readonly held: boolean;
}

/** @param peak goodput, a second. @param memoryMiB the most that was in memory at once, of each process. */
export function verdictsOf(
  figures: Figures,
  peak: number,
  memoryMiB: Readonly<Record<string, number>>,
  bounds: Bounds = BOUNDS,
): Verdict[] {
  const share = figures.goodput / peak;
  const failures = figures.statuses.filter(([status]) => status === 0 || (status >= 500 && status !== 503));
  const median = figures.refusedMs.p50;
  return [
    { what: `no answer is a 500 or missing (${listed(failures) || 'none'})`, held: failures.length === 0 },
    {
      what: `goodput is at least ${bounds.goodputShareMin * 100} % of the peak (${(share * 100).toFixed(0)} %)`,
      held: share >= bounds.goodputShareMin,
    },
    {
      what: `half of the refusals come in less than ${bounds.refusedMedianMsMax} ms (${median.toFixed(1)} ms)`,
      // Where nobody is refused nobody waits for it.
      held: figures.refused === 0 || median < bounds.refusedMedianMsMax,
    },
    ...Object.entries(memoryMiB).map(([name, mib]) => ({
      what: `the ${name} stays below ${bounds.memoryMiBMax} MiB (${mib.toFixed(0)} MiB)`,
      held: mib < bounds.memoryMiBMax,
    })),
  ];
}

/** `503: 12, 200: 10`. */
export function listed(counts: readonly (readonly [key: string | number, count: number])[]): string {
  return counts.map(([key, count]) => `${key}: ${count}`).join(', ');
}

function isAccepted({ status }: Outcome): boolean {
  return status >= 200 && status < 300;
}

function spreadOf(outcomes: readonly Outcome[]): Spread {
  const sorted = outcomes.map(({ latencyMs }) => latencyMs).toSorted((a, b) => a - b);
  return { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95), p99: percentile(sorted, 0.99) };
}

function countedBy<Key>(outcomes: readonly Outcome[], keyOf: (outcome: Outcome) => Key): [Key, number][] {
  const counts = new Map<Key, number>();
  for (const outcome of outcomes) counts.set(keyOf(outcome), (counts.get(keyOf(outcome)) ?? 0) + 1);
  return [...counts].toSorted(([, a], [, b]) => b - a);
}
