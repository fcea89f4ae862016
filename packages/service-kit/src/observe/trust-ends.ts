import type { Trust } from '@bulla/crypto';
import type { Clock } from '../process/clock.js';
import type { EventLog } from './event-log.js';
import { LogEvent } from './event-log.js';
import type { Metrics } from './metrics.js';
import type { TrustSource } from '../authentication/trust-source.js';

/** At `until`, in seconds, what is trusted now counts no longer: no renewer speaks, or a document expires. */
const TRUST_ENDING = new LogEvent<{ org: string; directoryVersion: number; until: number }>('trust-ending', 'warn');
const TRUST_ENDED = new LogEvent<{ org: string; directoryVersion: number; until: number }>('trust-ended', 'error');

const DAY_SECONDS = 86_400;
/** `ending` within a day, and where a renewer's word counts for less than two, within half of that. */
const STATES = ['fresh', 'ending', 'ended'] as const;
type TrustState = (typeof STATES)[number];
const EVENTS = { ending: TRUST_ENDING, ended: TRUST_ENDED };

/**
 * Says how long what this process trusts still counts, before it does not: in a metric at any time, and in the log once
 * for each organisation whose documents are about to end.
 */
export class TrustEnds {
  readonly #source: TrustSource;
  readonly #clock: Clock;
  readonly #log: EventLog;
  /** What was said last, by organisation. */
  readonly #said = new Map<string, string>();

  constructor(source: TrustSource, { clock, log, metrics }: { clock: Clock; log: EventLog; metrics: Metrics }) {
    this.#source = source;
    this.#clock = clock;
    this.#log = log;
    const help = 'Organisations whose documents are trusted, by how long they count';
    const trusted = metrics.gauge('bulla_trusted_organisations', help, ['state'], () => {
      const states = source.held().map((trust) => stateOf(trust, clock.now()));
      for (const state of STATES) trusted.set({ state }, states.filter((one) => one === state).length);
    });
  }

  /** Looks once. The service calls it now and then. */
  look(): void {
    const now = this.#clock.now();
    for (const trust of this.#source.held()) this.#lookAt(trust, stateOf(trust, now));
  }

  #lookAt(trust: Trust, state: TrustState): void {
    const { org, directoryRef } = trust;
    const until = endOf(trust);
    const said = `${state} ${until}`;
    if (state === 'fresh' || this.#said.get(org) === said) return;
    this.#said.set(org, said);
    this.#log.write(EVENTS[state], { org, directoryVersion: directoryRef.ver, until });
  }
}

/** Seconds: from then on requests are refused. */
function endOf({ expiresAt, freshness }: Trust): number {
  return Math.min(expiresAt, freshness.until);
}

function stateOf(trust: Trust, now: number): TrustState {
  const left = endOf(trust) - trust.clock(now);
  if (left <= 0) return 'ended';
  return left <= Math.min(DAY_SECONDS, trust.freshSeconds / 2) ? 'ending' : 'fresh';
}
