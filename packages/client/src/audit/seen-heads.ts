import { CryptoError, decodeBase64url, utf8 } from '@bulla/crypto';
import type { LogName, NoteKey, TreeHead } from '@bulla/crypto/log';
import {
  parseCheckpoint,
  parseNote,
  parseOrigin,
  pinInOrigin,
  verifyCheckpoint,
  verifyConsistency,
} from '@bulla/crypto/log';
import { bullaError, checked } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import type { Service } from '../connection/transport.js';
import { askLog, findInLog } from './audit-call.js';
import { entriesText } from './counted-entries.js';
import { isSameHead, keptHead, withHead } from './kept-heads.js';
import type { LogKeyStanding } from './log-keys.js';
import { logKeysOf, standingOf } from './log-keys.js';
import { toldHeads } from './told/told-heads.js';

/** A log of a service, and what it has signed of it. */
export interface SeenLog {
  /** URN of the service. */
  readonly service: string;
  readonly origin: string;
  /** Which of the logs of this service; counts from 1. */
  readonly log: number;
  /** The oldest entry that the service still keeps. */
  readonly first: number;
  /** The signed note; null before the first. */
  readonly checkpoint: string | null;
  /** What the service says that witnesses cosigned: nothing of it is verified here. */
  readonly witnessed?: readonly string[] | undefined;
  readonly head?: TreeHead | undefined;
  readonly key?: LogKeyStanding | undefined;
  /**
   * Beside the newest head that this machine verified: `new` where it knew none, `same`, `grown` where the log went on
   * from it, `behind` where this one is older and that one, or one that an answer told of, continues it; absent before the
   * first checkpoint.
   */
  readonly standing?: 'new' | 'same' | 'grown' | 'behind' | undefined;
}

/**
 * The logs of a service: the newest checkpoint of each verified against the directory and against what this machine
 * verified before, and kept if it goes on from that. One that is behind is never kept.
 * @throws {VerifyError} log_inconsistent (fork, rollback); signature_invalid; {TrustError} key_unknown
 */
export async function seeLogs(session: Session, service: Service): Promise<SeenLog[]> {
  const { data } = await askLog(session, service, 'audit.checkpoint', {});
  // One without a checkpoint has not begun: anybody who has the database can put any number there.
  // guard: seen-log-begun without: const newest = Math.max(...data.map(({ log }) => log));
  const newest = Math.max(...data.filter(({ checkpoint }) => checkpoint !== null).map(({ log }) => log));
  const seen: SeenLog[] = [];
  for (const { log, origin, checkpoint, first, witnessed } of data) {
    requireOwnOrigin(service, { log, origin }, (await session.keeper.current()).pin);
    const listed = { service: service.urn, origin, log, checkpoint, first, witnessed };
    if (checkpoint === null) seen.push(listed);
    // Of a log that has ended nothing new can come: what became of it is for verifying to say.
    else if (log < newest) seen.push(listed);
    else seen.push({ ...listed, ...(await see(session, service, listed, checkpoint)) });
  }
  return seen;
}

/**
 * The name of a log that a service shows.
 * @param pin of the organisation; such a log has to be under it, unless its name says nothing of pins
 * @throws {VerifyError} log_inconsistent (origin) if it is of another service, of another number, or under another pin
 */
export function requireOwnOrigin(
  { urn }: Service,
  { log, origin }: Pick<SeenLog, 'log' | 'origin'>,
  pin: string,
): LogName {
  const name = parseOrigin(origin);
  const isUnder = name?.pin === undefined || name.pin === pinInOrigin(pin);
  // guard: audit-origin
  if (name?.urn !== urn || name.number !== log || !isUnder)
    throw bullaError('log_inconsistent', {
      message: `${urn} shows a log of another name`,
      origin: 'client',
      check: 'origin',
    });
  return name;
}

async function see(
  session: Session,
  service: Service,
  { origin, log }: SeenLog,
  checkpoint: string,
): Promise<Pick<SeenLog, 'head' | 'key' | 'standing'>> {
  const { head, key } = await signedHead(session, service, origin, checkpoint);
  const standing = await standingOfHead(session, service, { log, origin, head });
  if (standing === 'new' || standing === 'grown') await keepHead(session, origin, head);
  return { head, key, standing };
}

/** A checkpoint that was verified against the directory. */
export interface SignedHead {
  readonly head: TreeHead;
  readonly key: LogKeyStanding | undefined;
  /** The keys of the log that the directory lists. */
  readonly keys: readonly NoteKey[];
}

/** Verifies that the log of a service signed a checkpoint, by a key that the directory lists and does not revoke. */
export async function signedHead(
  { keeper }: Session,
  service: Service,
  origin: string,
  checkpoint: string,
): Promise<SignedHead> {
  return keeper.withKnownKeys(await keeper.current(), async (known) => {
    const name = requireOwnOrigin(service, { origin, log: parseOrigin(origin)?.number ?? 0 }, known.pin);
    const keys = await logKeysOf([known], name);
    const notes = keys.map(({ note }) => note);
    const verified = await checked(() => verifyCheckpoint(utf8(checkpoint), { origin, keys: notes }));
    const key = standingOf(keys, verified.keys, known);
    // guard: audit-head-revoked
    if (key?.revoked === true)
      throw bullaError('key_revoked', {
        message: `the key that signed ${origin} is revoked`,
        origin: 'client',
        check: 'checkpoint-key',
      });
    return { head: verified.checkpoint, key, keys: notes };
  });
}

/** How many entries a checkpoint speaks of, by its own word. @throws {BullaError} token_malformed */
export function sizeOf(checkpoint: string): Promise<number> {
  return checked(() => parseCheckpoint(parseNote(utf8(checkpoint)).text).size);
}

/** Keeps a head that was verified, if it is larger than the one that was kept. */
export async function keepHead({ keeper }: Session, origin: string, head: TreeHead): Promise<void> {
  await keeper.change((state) => {
    const heads = withHead(state.heads, origin, head);
    return heads === state.heads ? state : { ...state, heads };
  });
}

/** How a head stands beside the newest that was verified, and the newest that an answer told of. */
async function standingOfHead(
  session: Session,
  service: Service,
  { log, origin, head }: { readonly log: number; readonly origin: string; readonly head: TreeHead },
): Promise<SeenLog['standing']> {
  await session.told.flush();
  const { heads, told } = (await session.keeper.state()) ?? {};
  const kept = keptHead(heads, origin);
  const standing = kept === undefined ? 'new' : await standingBeside(session, service, { log, head, kept });
  const known = toldHeads(told, origin);
  // guard: audit-told-seen
  if (known.some((one) => one.size === head.size && !isSameHead(one, head))) throw fork(service, head.size);
  const [newest] = known.toSorted((left, right) => right.size - left.size);
  if (newest === undefined) return standing;
  const beside = await standingBeside(session, service, { log, head, kept: newest });
  return beside === 'behind' ? beside : standing;
}

interface Beside {
  readonly log: number;
  readonly head: TreeHead;
  readonly kept: TreeHead;
}

async function standingBeside(
  session: Session,
  service: Service,
  { log, head, kept }: Beside,
): Promise<'same' | 'grown' | 'behind'> {
  if (isSameHead(head, kept)) return 'same';
  const [older, newer] = head.size < kept.size ? [head, kept] : [kept, head];
  if (await isPrefix(session, service, log, { older, newer })) return newer === head ? 'grown' : 'behind';
  if (newer === head) throw fork(service, older.size);
  throw rollback(service, head, kept);
}

/** Whether the service can show that one tree begins with the other. */
export async function isPrefix(
  session: Session,
  service: Service,
  log: number,
  { older, newer }: { readonly older: TreeHead; readonly newer: TreeHead },
): Promise<boolean> {
  const query = { log, size: newer.size, older: older.size };
  const found = await findInLog(session, service, 'audit.prove', { query });
  if (found?.consistency === undefined) return false;
  try {
    // guard: audit-head-consistent
    await verifyConsistency({ older, newer, proof: found.consistency.map(decodeBase64url) });
    return true;
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}

function fork({ urn }: Service, size: number) {
  const message = `the log of ${urn} does not begin with the ${entriesText(size)} that this machine saw before: it shows each reader another log, or was rewritten`;
  return bullaError('log_inconsistent', { message, origin: 'client', check: 'fork' });
}

function rollback({ urn }: Service, head: TreeHead, kept: TreeHead) {
  const message = `the log of ${urn} has ${entriesText(head.size)}, and this machine saw ${entriesText(kept.size)} before: some were taken away`;
  return bullaError('log_inconsistent', { message, origin: 'client', check: 'rollback' });
}
