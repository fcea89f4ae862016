import { envelopeRequests } from '../requests.js';
import { measurePeak } from '../measure.js';
import type { ManagedWorld } from './managed-world.js';

/** Requests that each stretch is prepared for, a second. */
const EXPECTED = 1_500;
const CLIENTS = 64;
const ROUNDS = 3;

/** The vault's processor time for each envelope, in milliseconds. */
export interface CustodyCosts {
  readonly sealed: number;
  readonly managed: number;
  /** Envelopes for the sealed name, a second. */
  readonly peak: number;
}

/** Has envelopes issued for a sealed and for a managed name in turns: grants of both are stored. */
export async function compareCustody(
  { vault, ground, managed }: ManagedWorld,
  seconds: number,
  say: (line: string) => void,
): Promise<CustodyCosts> {
  const stretch = async (name: string, of: typeof ground) => {
    const asking = { name, service: vault, make: (url: string) => envelopeRequests(url, of) };
    const { msEach, figures } = await measurePeak(
      asking,
      { clients: CLIENTS, figures: { goodput: EXPECTED } },
      { seconds, say },
    );
    if (figures.refused > 0) throw new Error(`${figures.refused} envelopes were refused`);
    return { msEach, goodput: figures.goodput };
  };
  const all = { sealed: [] as number[], managed: [] as number[], peak: [] as number[] };
  // The first time around is not counted: the programs are still being compiled.
  await stretch('sealed', ground);
  await stretch('managed', managed);
  for (let round = 0; round < ROUNDS; round++) {
    const sealed = await stretch('sealed', ground);
    all.sealed.push(sealed.msEach);
    all.peak.push(sealed.goodput);
    all.managed.push((await stretch('managed', managed)).msEach);
  }
  return { sealed: middle(all.sealed), managed: middle(all.managed), peak: middle(all.peak) };
}

function middle(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
}
