import { decodeBase64url, utf8 } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { leafHash, verifyInclusion } from '@bulla/crypto/log';
import { BullaError, checked } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import type { Service } from '../connection/transport.js';
import { askLog } from './audit-call.js';
import type { ListedEntry } from './audit-entries.js';
import { auditService } from './audit-services.js';
import type { SeenLog } from './seen-heads.js';
import { seeLogs, signedHead } from './seen-heads.js';

/** An entry, and the head of the signed tree that it was shown to be in. */
export interface IncludedEntry extends ListedEntry {
  /** Undefined where it is newer than the newest checkpoint, or no key that counts signed one of its log. */
  readonly head: TreeHead | undefined;
}

/** Proofs that are asked for at once. */
const AT_ONCE = 8;

/**
 * Shows of each entry that it is in the tree of the newest checkpoint of its log, which the service has signed. It is not
 * shown that the services left none out: who verifies a whole log learns more.
 * @throws {VerifyError} log_inconsistent if a log does not hold one at its place, or does not go on from what was seen before
 */
export async function proveEntries(session: Session, entries: readonly ListedEntry[]): Promise<IncludedEntry[]> {
  const proved = new Map<ListedEntry, TreeHead>();
  for (const [urn, ofService] of Map.groupBy(entries, ({ service }) => service)) {
    const service = auditService(session, await session.keeper.current(), urn);
    const logs = await seeLogs(session, service);
    for (const [number, ofLog] of Map.groupBy(ofService, ({ log }) => log)) {
      const seen = logs.find(({ log }) => log === number);
      const head = seen && (await headOf(session, service, seen));
      if (head === undefined) continue;
      const signed = ofLog.filter(({ index }) => index < head.size);
      for (let at = 0; at < signed.length; at += AT_ONCE)
        await Promise.all(
          signed.slice(at, at + AT_ONCE).map(async (entry) => {
            // guard: audit-listed-included
            await requireIncluded(session, service, entry, head);
            proved.set(entry, head);
          }),
        );
    }
  }
  return entries.map((entry) => ({ ...entry, head: proved.get(entry) }));
}

/** Of a log that has ended, the head that was signed last; its key may have been revoked since, and then shows nothing. */
async function headOf(
  session: Session,
  service: Service,
  { head, checkpoint, origin }: SeenLog,
): Promise<TreeHead | undefined> {
  if (head !== undefined || checkpoint === null) return head;
  try {
    return (await signedHead(session, service, origin, checkpoint)).head;
  } catch (error) {
    if (error instanceof BullaError && error.code === 'key_revoked') return undefined;
    throw error;
  }
}

/** @throws {VerifyError} log_inconsistent if the tree does not hold the entry at its place */
export async function requireIncluded(
  session: Session,
  service: Service,
  { log, index, leaf }: Pick<ListedEntry, 'log' | 'index' | 'leaf'>,
  head: TreeHead,
): Promise<void> {
  const query = { log, size: head.size, entry: index };
  const { inclusion = [] } = await askLog(session, service, 'audit.prove', { query });
  await checked(async () => {
    const hash = await leafHash(utf8(leaf));
    // guard: audit-entry-included
    await verifyInclusion({ leaf: hash, index, head, proof: inclusion.map(decodeBase64url) });
  });
}
