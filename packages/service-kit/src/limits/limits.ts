import { availableParallelism } from 'node:os';

/** Bounds of one process; every one of them is there because Node or Fastify has none by default. */
export interface Limits {
  /** From the first byte of a request to its last. */
  readonly requestTimeoutMs: number;
  /** From the first byte of a request to the end of its header. */
  readonly headersTimeoutMs: number;
  /** Between two requests of a connection. */
  readonly keepAliveTimeoutMs: number;
  readonly headerBytesMax: number;
  readonly connectionsMax: number;
  /** Requests at work at once; others wait. Those that rest do not count. */
  readonly requestsMax: number;
  /** Requests that wait for a place at once; beyond, 503 at once. */
  readonly waitingMax: number;
  /** How long one waits for a place before it is told 503: an answer too late helps nobody. */
  readonly waitMs: number;
  /** How long after a refusal nobody waits, so that the next ones come at once. */
  readonly crowdedMs: number;
  /** How late the event loop may be, twice in a row, before requests are refused. */
  readonly loopLagMaxMs: number;
  /** How long bytes of an answer may wait for a client that does not take them. */
  readonly writeTimeoutMs: number;
  /** Of all answers together that wait for their readers, streams apart. */
  readonly unsentBytesMax: number;
  /** Of all request bodies together, as far as they are here. */
  readonly bodyBytesInFlightMax: number;
  /** What requests at work get to finish when the service ends. */
  readonly graceMs: number;
  /** How often counted refusals are written down and expired rows purged. */
  readonly choresIntervalMs: number;
  /** How often the files of the TLS certificate are looked at. */
  readonly certificateIntervalMs: number;
  /** How often decisions come into the audit log (protocol.md §8). */
  readonly auditIntervalMs: number;
}

/**
 * What a core works off in a tenth of a second; more at once only makes all of them late
 * (docs/decisions/2026-11-25-limits.md#places).
 */
const REQUESTS_PER_CORE = 32;
const REQUESTS_MIN = 64;

export const LIMITS: Limits = {
  requestTimeoutMs: 30_000,
  headersTimeoutMs: 10_000,
  keepAliveTimeoutMs: 65_000,
  headerBytesMax: 16_384,
  connectionsMax: 12_000,
  requestsMax: Math.max(REQUESTS_MIN, REQUESTS_PER_CORE * availableParallelism()),
  waitingMax: 10_000,
  waitMs: 1_000,
  crowdedMs: 250,
  loopLagMaxMs: 500,
  writeTimeoutMs: 60_000,
  unsentBytesMax: 67_108_864,
  bodyBytesInFlightMax: 134_217_728,
  graceMs: 4_000,
  choresIntervalMs: 60_000,
  certificateIntervalMs: 5_000,
  auditIntervalMs: 250,
};
