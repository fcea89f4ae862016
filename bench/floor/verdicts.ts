import type { Verdict } from '../figures.js';
import type { FloorProof } from './floor.js';

/** What a service may cost beside the same service without a database. */
export interface FloorBounds {
  /** Processor time of the service, in that of its floor. */
  readonly timesFloorMax: number;
  /** Processor time of the floor, in that of one OpenSSL RSA-2048 signature; undefined where no goal says so. */
  readonly floorSignsMax?: number;
  /** At half of the peak. */
  readonly p95MsMax: number;
}

export const FLOOR_BOUNDS: Readonly<Record<'vault' | 'responder', FloorBounds>> = {
  vault: { timesFloorMax: 1.5, floorSignsMax: 2, p95MsMax: 100 },
  responder: { timesFloorMax: 1.6, p95MsMax: 100 },
};

/** Milliseconds of processor time, user and system, for each accepted request. */
export interface Costs {
  readonly serviceMs: number;
  readonly floorMs: number;
  /** Of one RSA-2048 signature by OpenSSL. */
  readonly signMs: number;
  /** By the clock, of the service at half of its peak. */
  readonly p95Ms: number;
}

/** One line for each bound. NaN holds none. */
export function floorVerdicts(
  { serviceMs, floorMs, signMs, p95Ms }: Costs,
  proof: FloorProof,
  bounds: FloorBounds,
): Verdict[] {
  const { timesFloorMax, floorSignsMax, p95MsMax } = bounds;
  const { connections, notRecorded, isControlFound, verified } = proof;
  const times = serviceMs / floorMs;
  const signs = floorMs / signMs;
  const ofOpenssl = {
    what: `the floor takes at most ${floorSignsMax} times the processor time of one RSA-2048 signature of OpenSSL (${signs.toFixed(2)})`,
    held: signs <= (floorSignsMax ?? Number.NaN),
  };
  return [
    {
      what: `an accepted request takes at most ${timesFloorMax} times the processor time of the floor (${times.toFixed(2)})`,
      held: times <= timesFloorMax,
    },
    ...(floorSignsMax === undefined ? [] : [ofOpenssl]),
    {
      what: `p95 is below ${p95MsMax} ms at half of the peak (${p95Ms.toFixed(0)} ms)`,
      held: p95Ms < p95MsMax,
    },
    {
      what: `the floor is one: ${verified} answers verified, ${connections} connections to a database, ${notRecorded.length} statements without a recording${notRecorded.length > 0 ? ` (${notRecorded[0]?.slice(0, 120)})` : ''}`,
      held: connections === 0 && notRecorded.length === 0 && verified > 0,
    },
    { what: 'the floor fails on a statement that nobody has recorded', held: isControlFound },
  ];
}
