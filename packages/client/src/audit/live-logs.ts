import type { Trust } from '@bulla/crypto';
import { originOf } from '@bulla/crypto/log';
import type { Session } from '../connection/session.js';
import type { Service } from '../connection/transport.js';
import { askLog } from './audit-call.js';
import type { LogAtHand } from './judged-audit.js';
import { goneLog } from './judged-audit.js';
import { LiveLog } from './live-log.js';
import { dueLog, knownLogs } from './loss/due-log.js';
import { isPrefix, requireOwnOrigin } from './seen-heads.js';

/** The logs that a service shows, and those that it should show: what was seen here before, and what it has a key for. */
export async function logsOfService(session: Session, service: Service, trust: Trust): Promise<LogAtHand[]> {
  const { data } = await askLog(session, service, 'audit.checkpoint', {});
  const shown = data.flatMap(({ log, origin, checkpoint, first, witnessed }): LogAtHand[] => {
    if (checkpoint === null) return [];
    const name = requireOwnOrigin(service, { log, origin }, trust.pin);
    const source = new LiveLog({ session, service, log, first, checkpoint, witnessed });
    return [{ name, source, isPrefixOf: (newer, older) => isPrefix(session, service, log, { older, newer }) }];
  });
  await session.told.flush();
  const origins = new Set(shown.map(({ name }) => originOf(name)));
  const known = knownLogs(await session.keeper.state(), service.urn);
  const gone = known.filter((name) => !origins.has(originOf(name)));
  const due = dueLog(trust, service.urn, session.now());
  const isDue =
    due !== undefined && ![...shown.map(({ name }) => name), ...gone].some((one) => one.number === due.number);
  return [...shown, ...[...gone, ...(isDue ? [due] : [])].map(goneLog)];
}
