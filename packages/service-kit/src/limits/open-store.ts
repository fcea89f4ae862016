import { Clock } from '../process/clock.js';
import type { EdgeOptions } from '../edge/edge-options.js';
import { limitsOf, ratesOf } from '../edge/edge-settings.js';
import type { edgeSettings } from '../edge/edge-settings.js';
import type { EventLog } from '../observe/event-log.js';
import { LogEvent } from '../observe/event-log.js';
import type { Probe } from '../observe/health.js';
import { MemoryStore } from './memory-store.js';
import { loadTls } from '../tls/load-tls.js';
import { StoreError } from './shared-store.js';
import type { SharedStore } from './shared-store.js';
import { SettingsError } from '../process/settings.js';
import type { Settings } from '../process/settings.js';
import type { ServiceName } from '../route/route-table.js';

const REDIS_POLICY_UNKNOWN = new LogEvent<{ errorCode: string }>('redis-policy-unknown', 'warn');
/** Redis drops keys when memory is short, and with them what was counted. */
const REDIS_EVICTS = new LogEvent('redis-evicts', 'warn');

const CONNECT_WAIT_MS = 2_000;

export interface StoreOptions {
  /** A Redis; without it the memory of this process. */
  readonly url: string | undefined;
  readonly service: ServiceName;
  readonly production: boolean;
  readonly clock: Clock;
  readonly log: EventLog;
}

/**
 * Opens what the processes of a service share. The service starts also when Redis is away. In production it does
 * not start with a Redis that evicts: under load that Redis would forget what was counted.
 * @throws {SettingsError} for a Redis that evicts, in production
 */
export async function openStore({ url, service, production, clock, log }: StoreOptions): Promise<SharedStore> {
  if (url === undefined) return new MemoryStore(clock);
  // Its libraries are a tenth of what is loaded for a start, and most starts of `npm start` need none of it.
  const { RedisStore } = await import('./redis-store.js');
  const store = new RedisStore({ url, prefix: `bulla:${service}:`, clock, log });
  await store.whenReady(CONNECT_WAIT_MS);
  try {
    const evicts = await store.evicts();
    if (evicts === undefined) log.write(REDIS_POLICY_UNKNOWN, { errorCode: 'not_said' });
    if (evicts !== true) return store;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    log.write(REDIS_POLICY_UNKNOWN, { errorCode: error.code });
    return store;
  }
  if (!production) {
    log.write(REDIS_EVICTS);
    return store;
  }
  await store.close();
  throw new SettingsError([
    'BULLA_REDIS_URL: the Redis it names drops keys when memory is short; set its maxmemory-policy to noeviction',
  ]);
}

/** Whose edge it is. */
export interface EdgePlace extends Pick<StoreOptions, 'service' | 'production' | 'log'> {
  /** What clients call the service. */
  readonly publicUrls: readonly string[] | undefined;
}

/**
 * What the settings say of the protection of all callers from each, with its store open. The caller closes it.
 * @throws {SettingsError} as {@link openStore} and {@link loadTls}
 */
export async function openEdge(
  settings: Settings<typeof edgeSettings>,
  { service, production, log, publicUrls }: EdgePlace,
): Promise<EdgeOptions & { readonly store: SharedStore }> {
  const clock = new Clock();
  const trustedProxies = settings.BULLA_TRUST_PROXY;
  // First: nothing has been opened yet.
  const tls = loadTls(settings, { clock, log, publicUrls, trustedProxies });
  return {
    clock,
    tls,
    production,
    store: await openStore({ url: settings.BULLA_REDIS_URL, service, production, clock, log }),
    rates: ratesOf(settings),
    limits: limitsOf(settings),
    trustedProxies,
  };
}

/** Fails while the store evicts. While it is away or does not say, each process goes on with limits of its own. */
export function evictionProbe(store: SharedStore): Probe {
  return async () => {
    const evicts = await store.evicts().catch(() => undefined);
    if (evicts === true) throw new Error('the Redis evicts');
  };
}
