import type { Bytes } from '@bulla/crypto';
import type { Frontier, TreeHead } from '@bulla/crypto/log';
import { treeHashesFrom, treeHeadOf } from '@bulla/crypto/log';
import { isSameHead } from '../audit/kept-heads.js';
import { LiveLog } from '../audit/live-log.js';
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
  const hashAt = treeHashesFrom(new LiveLog({ session, service, log, checkpoint: '' }).read, head.size);
  const peaks: Bytes[] = [];
  let start = 0;
  // A perfect subtree for each bit of the size, from the largest to the smallest; 2^53 entries at most.
  for (let level = 52; level >= 0; level--) {
    const width = 2 ** level;
    if (Math.floor(head.size / width) % 2 === 0) continue;
    peaks.push(await checked(() => hashAt(level, start / width)));
    start += width;
  }
  const frontier = { size: head.size, peaks };
  // guard: stream-frontier
  if (!isSameHead(await treeHeadOf(frontier), head))
    throw bullaError('log_inconsistent', {
      message: `the tiles of ${service.urn} do not lead to the root that is signed`,
      origin: 'client',
      check: 'root',
    });
  return frontier;
}
