import { parseOrigin } from '@bulla/crypto/log';
import { pause } from '../../connection/backoff.js';
import type { Session } from '../../connection/session.js';
import type { Service } from '../../connection/transport.js';
import { askLog } from '../audit-call.js';
import type { LogVerdict } from '../audit-verdict.js';
import { sizeOf } from '../seen-heads.js';

/** An entry is signed about a second after the act. */
const LOOK_EVERY_MS = 500;
const LOOKS_MAX = 8;

/**
 * Whether evidence that was not there was erased while the logs were read, and a newer checkpoint says so.
 * @param logs of one service, the newest last
 */
export async function isErasedSince(
  session: Session,
  service: Service,
  logs: readonly Pick<LogVerdict, 'origin' | 'head' | 'misfits'>[],
): Promise<boolean> {
  const newest = logs.at(-1);
  const log = newest && parseOrigin(newest.origin)?.number;
  const isMissing = logs.some(({ misfits }) => misfits.some(({ isAbsent }) => isAbsent === true));
  return log !== undefined && isMissing && newerErasure(session, service, { log, size: newest?.head?.size ?? 0 });
}

/**
 * Waits until a service has signed that evidence was erased, if that was done since a checkpoint: the evidence is gone at
 * once, and the entry that says so is signed a moment later.
 * @param size of the newest log, by the checkpoint that was read
 * @returns whether there is a newer checkpoint that holds such an entry
 */
export async function newerErasure(
  session: Session,
  service: Service,
  { log, size }: { readonly log: number; readonly size: number },
): Promise<boolean> {
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    if (looks > 0) await pause(LOOK_EVERY_MS, undefined);
    const query = { log, from: size, act: 'audit.erase', result: 'ok', limit: 1 } as const;
    const [entry] = (await askLog(session, service, 'audit.list', { query })).data;
    if (entry === undefined) continue;
    const { data } = await askLog(session, service, 'audit.checkpoint', {});
    const checkpoint = data.find((one) => one.log === log)?.checkpoint ?? null;
    if (checkpoint !== null && (await sizeOf(checkpoint)) > entry.index) return true;
  }
  return false;
}
