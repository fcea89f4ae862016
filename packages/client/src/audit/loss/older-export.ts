import type { Trust } from '@bulla/crypto';
import type { LogName } from '@bulla/crypto/log';
import { originOf, parseOrigin } from '@bulla/crypto/log';
import type { TrustState } from '../../trust/trust-store.js';
import type { OlderExport } from '../audit-verdict.js';
import { highestLogIn } from '../log-keys.js';
import { toldHeads } from '../told/told-heads.js';
import { knownLogs } from './due-log.js';

/** What an export lacks of the logs that this machine knows. */
interface LackingExport {
  /** Services with a newer log than the export has. */
  readonly older: readonly OlderExport[];
  /** Logs of before that, which the export should have. */
  readonly gone: readonly LogName[];
}

/**
 * Holds the logs of an export against every log that this machine verified, was told of, or knows a key of.
 * @param shown the logs of the export
 */
export function olderExport(
  shown: readonly LogName[],
  state: Pick<TrustState, 'heads' | 'told'> | undefined,
  trust: Trust,
): LackingExport {
  const older: OlderExport[] = [];
  const gone: LogName[] = [];
  for (const urn of servicesOf(shown, state)) {
    const own = shown.filter((name) => name.urn === urn);
    const known = knownLogs(state, urn);
    const numbers = [...known.map(({ number }) => number), (own.length > 0 && highestLogIn(trust, urn)) || 0];
    const newest = own.length === 0 ? undefined : Math.max(...own.map(({ number }) => number));
    const newestKnown = Math.max(...numbers);
    // guard: audit-export-older
    if (newestKnown > (newest ?? 0)) older.push({ service: urn, newest, known: newestKnown });
    const origins = new Set(own.map(originOf));
    // guard: audit-export-gone
    gone.push(...known.filter((name) => newest !== undefined && name.number <= newest && !origins.has(originOf(name))));
  }
  return { older, gone };
}

/** Services of the export, and those whose logs this machine remembers. */
function servicesOf(shown: readonly LogName[], state: Pick<TrustState, 'heads' | 'told'> | undefined): Set<string> {
  const origins = [
    ...(state?.heads ?? []).map(([origin]) => origin),
    ...toldHeads(state?.told).map((one) => one.origin),
  ];
  const remembered = origins.flatMap((origin) => parseOrigin(origin)?.urn ?? []);
  return new Set([...shown.map(({ urn }) => urn), ...remembered]);
}
