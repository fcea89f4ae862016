import type { Health } from '@bulla/contract';
import { databaseFault } from '../database/database-fault.js';
import type { EventLog } from './event-log.js';
import { LogEvent } from './event-log.js';

export const PROBE_FAILED = new LogEvent<{ probe: string; errorCode: string }>('probe-failed', 'warn');

/** Something a service cannot work without: resolves when it is there, throws when it is not; an error of code `sealed` where people have to come. */
export type Probe = () => Promise<unknown>;

const PROBE_TIMEOUT_MS = 3_000;
/** Anybody may ask, so the answer of a moment ago will do. */
const FRESH_MS = 500;

/** Whether the service can take requests: all its probes pass and it is not on its way out. */
export class Readiness {
  readonly #probes: () => Readonly<Record<string, Probe>>;
  readonly #log: EventLog;
  #draining = false;
  #last: { readonly atMs: number; readonly health: Promise<Health> } | undefined;

  /** @param probes by name: lower-case words with hyphens, shown to everybody; what went wrong is not. */
  constructor(probes: () => Readonly<Record<string, Probe>>, log: EventLog) {
    this.#probes = probes;
    this.#log = log;
  }

  /** From now on the service is not ready, so that balancers send nothing new. */
  drain(): void {
    this.#draining = true;
    this.#last = undefined;
  }

  get draining(): boolean {
    return this.#draining;
  }

  check(): Promise<Health> {
    const atMs = performance.now();
    if (this.#last !== undefined && atMs - this.#last.atMs < FRESH_MS) return this.#last.health;
    const health = this.#run();
    this.#last = { atMs, health };
    return health;
  }

  async #run(): Promise<Health> {
    const probes = Object.entries(this.#probes());
    const found = await Promise.all(
      probes.map(async ([name, probe]) => ({ name, state: await this.#stateOf(name, probe) })),
    );
    if (this.#draining) found.push({ name: 'draining', state: 'unavailable' });
    const states = found.map(({ state }) => state);
    return {
      status: states.includes('unavailable') ? 'unavailable' : states.includes('sealed') ? 'sealed' : 'ok',
      checks: found.map(({ name, state }) => ({ name, ok: state === 'ok' })),
    };
  }

  async #stateOf(name: string, probe: Probe): Promise<Health['status']> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(Object.assign(new Error('late'), { code: 'ETIMEDOUT' })), PROBE_TIMEOUT_MS);
    try {
      await Promise.race([probe(), late]);
      return 'ok';
    } catch (error) {
      // Said once by its room: balancers ask every second.
      if ((error as { code?: unknown }).code === 'sealed') return 'sealed';
      const errorCode = databaseFault(error)?.code ?? 'unknown';
      this.#log.write(PROBE_FAILED, { probe: name, errorCode });
      return 'unavailable';
    } finally {
      clearTimeout(timer);
    }
  }
}
