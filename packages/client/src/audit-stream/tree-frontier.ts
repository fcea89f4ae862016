import type { Bytes } from '@bulla/crypto';
import type { Frontier, TreeHead } from '@bulla/crypto/log';
import { treeHashesFrom, treeHeadOf } from '@bulla/crypto/log';
import { isSameHead } from '../audit/kept-heads.js';
import { LiveLog } from '../audit/live-log.js';
import { isPrefix } from '../audit/seen-heads.js';
import { bullaError, checked } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import type { Service } from '../connection/transport.js';

/**
 * The frontier of a tree that a service signed: its peaks, from the tiles, which have to lead to its root.
 * @throws {VerifyError} log_inconsistent
 */
export async function frontierOf(
  session: Session,
  service: Service,
  { log, head }: { readonly log: number; readonly head: TreeHead },
): Promise<Frontier> {
  const frontier = await peaksOf(session, service, { log, size: head.size });
  // guard: stream-frontier
  if (!isSameHead(await treeHeadOf(frontier), head)) throw foreign(service);
  return frontier;
}

/**
 * The frontier of the first entries of a tree that a service signed, which has to begin with them.
 * @throws {VerifyError} log_inconsistent
 */
export async function frontierWithin(
  session: Session,
  service: Service,
  { log, size, head }: { readonly log: number; readonly size: number; readonly head: TreeHead },
): Promise<Frontier> {
  const frontier = await peaksOf(session, service, { log, size });
  const older = await treeHeadOf(frontier);
  const isIn = isSameHead(older, head) || (await isPrefix(session, service, log, { older, newer: head }));
  // guard: stream-frontier-within
  if (!isIn) throw foreign(service);
  return frontier;
}

async function peaksOf(
  session: Session,
  service: Service,
  { log, size }: { readonly log: number; readonly size: number },
): Promise<Frontier> {
  const hashAt = treeHashesFrom(new LiveLog({ session, service, log, first: 0, checkpoint: '' }).read, size);
  const peaks: Bytes[] = [];
  let start = 0;
  // A perfect subtree for each bit of the size, from the largest to the smallest; 2^53 entries at most.
  for (let level = 52; level >= 0; level--) {
    const width = 2 ** level;
    if (Math.floor(size / width) % 2 === 0) continue;
    peaks.push(await checked(() => hashAt(level, start / width)));
    start += width;
  }
  return { size, peaks };
}

function foreign({ urn }: Service) {
  const message = `the tiles of ${urn} do not lead to the root that is signed`;
  return bullaError('log_inconsistent', { message, origin: 'client', check: 'root' });
}
