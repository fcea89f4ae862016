import type { RouteName, RouteResponse } from '@bulla/contract';
import { BullaError } from '../connection/errors.js';
import type { Again } from '../connection/backoff.js';
import { retryAFewTimes } from '../connection/backoff.js';
import type { Session } from '../connection/session.js';
import type { Call, Service } from '../connection/transport.js';

/** Who reads a whole log asks more often than a service answers, and waits as long as it says. */
const WAITS_MAX = 30;

/** As the transport's own, and where a service is asked too often, until it has time again. */
const patiently: Again = (error, attempt, retries) =>
  retryAFewTimes(error, attempt, error.code === 'rate_limited' ? WAITS_MAX : retries);

/** Asks a service about its logs, patiently. */
export async function askLog<Name extends RouteName>(
  session: Session,
  service: Service,
  name: Name,
  call: Call<Name>,
): Promise<RouteResponse<Name>> {
  const trust = await session.keeper.current();
  return session.transport.call(name, service, trust, { again: patiently, ...call });
}

/** The same; undefined where the service says that it has no such thing. */
export async function findInLog<Name extends RouteName>(
  session: Session,
  service: Service,
  name: Name,
  call: Call<Name>,
): Promise<RouteResponse<Name> | undefined> {
  try {
    return await askLog(session, service, name, call);
  } catch (error) {
    if (error instanceof BullaError && error.code === 'not_found') return undefined;
    throw error;
  }
}
