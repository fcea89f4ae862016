import type { Figures, Verdict } from '../figures.js';
import { listed } from '../figures.js';
import type { StreamState } from './streams.js';

/** What must hold with many connections. */
export interface ConnectionBounds {
  readonly memoryMiBMax: number;
}

export const CONNECTION_BOUNDS: ConnectionBounds = { memoryMiBMax: 512 };

/** One stretch of requests over connections that stay open. */
export interface OpenStretch {
  /** What is asked for. */
  readonly what: string;
  readonly perSecond: number;
  readonly figures: Figures;
  /** Connections that were asked to be open, and those that were at the end. */
  readonly wanted: number;
  readonly open: number;
  /** How many of them the service ended. */
  readonly lost: number;
}

/** What became of the streams. */
export interface StreamStretch {
  readonly wanted: number;
  /** How many were open at once. */
  readonly open: number;
  /** Of them, how many showed in the database that they live, and in how many statements. */
  readonly shown: number;
  readonly statements: number;
  readonly states: Readonly<Record<StreamState, number>>;
}

export function openVerdict({ what, figures, wanted, open, lost }: OpenStretch): Verdict {
  const errors = figures.offered - figures.accepted;
  return {
    what: `${what}: no error, and every connection stays open (${errors} errors: ${listed(figures.codes) || 'none'}; ${lost} of ${wanted} connections lost)`,
    held: figures.accepted > 0 && errors === 0 && lost === 0 && open === wanted,
  };
}

export function streamVerdicts({ wanted, open, shown, statements, states }: StreamStretch): Verdict[] {
  const { ended, cut, refused } = states;
  return [
    {
      what: `${wanted} streams are open at once, and each comes to its end (${open} open; ${ended} ended, ${cut} cut, ${refused} told to come again)`,
      held: open === wanted && ended === wanted,
    },
    {
      what: `one statement shows that all of them live (${shown} shown in ${statements})`,
      held: shown === wanted && statements === 1,
    },
  ];
}

/** @param memoryMiB the most that was in memory at once, of each process. */
export function memoryVerdicts(
  memoryMiB: Readonly<Record<string, number>>,
  { memoryMiBMax }: ConnectionBounds = CONNECTION_BOUNDS,
): Verdict[] {
  return Object.entries(memoryMiB).map(([name, mib]) => ({
    what: `the ${name} stays below ${memoryMiBMax} MiB (${mib.toFixed(0)} MiB)`,
    held: mib < memoryMiBMax,
  }));
}
