/** What may be known outside about an error of the database: its class, never its words, which quote values. */
export interface DatabaseFault {
  /** SQLSTATE, a system error code, or `connection_lost`. */
  readonly code: string;
  readonly constraint?: string;
}

/** pg gives these no code; the version is pinned and a test holds them. */
const CONNECTION_MESSAGES: ReadonlySet<string> = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'timeout exceeded when trying to connect',
  'timeout expired',
  'Query read timeout',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'Cannot use a pool after calling end on the pool',
  'PGlite is closed',
  'PGlite is closing',
]);
const SYSTEM_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
/**
 * SQLSTATEs that pass by themselves: connection trouble (08), resources and disk (53), operator intervention (57),
 * system errors (58), serialization and deadlock (40), lock and read-only states, a right to write that was taken from the
 * role (as hosts of databases do where one is full), and prepared statements that are out of date or forgotten.
 */
const PASSING = /^(08|53|57|58|40)...$|^(55P03|25006|25P03|42501|0A000|26000)$/;

/** The class of an error that came from the database, or undefined if it came from elsewhere. */
export function databaseFault(error: unknown): DatabaseFault | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, constraint, message } = error as { code?: unknown; constraint?: unknown; message?: unknown };
  if (typeof code === 'string' && (/^[0-9A-Z]{5}$/.test(code) || SYSTEM_CODES.has(code))) {
    return typeof constraint === 'string' && /^[a-z0-9_]{1,63}$/.test(constraint) ? { code, constraint } : { code };
  }
  if (typeof message === 'string' && CONNECTION_MESSAGES.has(message)) return { code: 'connection_lost' };
  return undefined;
}

/** Whether the same request may succeed later without anybody mending anything: 503 and not 500. */
export function isPassing(fault: DatabaseFault): boolean {
  return fault.code === 'connection_lost' || SYSTEM_CODES.has(fault.code) || PASSING.test(fault.code);
}

/** The constraint an insert or update broke (23505, 23514, 23503), or undefined if that was not the trouble. */
export function brokenConstraint(error: unknown): string | undefined {
  const fault = databaseFault(error);
  return fault?.code.startsWith('23') === true ? fault.constraint : undefined;
}
