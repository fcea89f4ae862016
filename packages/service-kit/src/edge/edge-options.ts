import type { Clock } from '../process/clock.js';
import type { Limits } from '../limits/limits.js';
import type { Rates } from '../limits/rates.js';
import type { SharedStore } from '../limits/shared-store.js';
import type { ServerTls } from '../tls/server-tls.js';

/** How a service protects all of its callers from each of them; nothing has to be given. */
export interface EdgeOptions {
  readonly clock?: Clock;
  /** Whether what is only good enough for trying is refused: a Redis that evicts makes the service not ready. */
  readonly production?: boolean | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** How much callers may ask. */
  readonly rates?: Partial<Rates> | undefined;
  /** What this process shares with others of the service; its own memory unless given. The service does not close it. */
  readonly store?: SharedStore | undefined;
  /** Addresses and networks of proxies, whose word counts for the address of a caller. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** The certificate of the service, where it speaks TLS itself. */
  readonly tls?: ServerTls | undefined;
}
