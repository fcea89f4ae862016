import type { AuditFacts } from '@bulla/contract';
import { parseLeaf } from '@bulla/contract';
import { CryptoError, decodeBase64url, utf8 } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { encodeCheckpoint, parseOrigin, verifyCheckpoint } from '@bulla/crypto/log';
import { findInLog } from '../audit/audit-call.js';
import { entriesText } from '../audit/counted-entries.js';
import { isSameHead } from '../audit/kept-heads.js';
import { logKeysOf } from '../audit/log-keys.js';
import { requireIncluded } from '../audit/proved-entries.js';
import { isPrefix } from '../audit/seen-heads.js';
import type { BullaError } from '../connection/errors.js';
import { bullaError } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import type { Service } from '../connection/transport.js';

/** A log as somebody remembers it: the newest that was signed of it. */
export interface RememberedLog {
  readonly origin: string;
  readonly number: number;
  readonly head: TreeHead;
}

/** A log of a higher number, which its service signed. */
export interface NextLog {
  readonly number: number;
  readonly head: TreeHead;
}

/**
 * Whether a log with a higher number stands upon the remembered one: its first entry names that at the remembered head, or
 * at a larger one that its own key signed and that is shown to continue the remembered (docs/spec/audit-log.md).
 * @returns how many entries more than remembered it names
 * @throws {VerifyError} log_inconsistent (succession) where it does not: a person decides what to do about it
 */
export async function requireSuccession(
  session: Session,
  service: Service,
  next: NextLog,
  known: RememberedLog,
): Promise<number> {
  const said = noteOf(await firstEntry(session, service, next), known);
  const named = said && { size: said.size, root: decodeBase64url(said.root) };
  // guard: succession-origin
  if (said?.origin !== known.origin || named === undefined)
    throw broken(service, next, known, `does not say what ${known.origin} came to`);
  if (isSameHead(named, known.head)) return 0;
  // guard: succession-smaller
  if (named.size <= known.head.size)
    throw broken(
      service,
      next,
      known,
      `says that ${known.origin} came to ${entriesText(named.size)}, and not those that were signed`,
    );
  // guard: succession-signed
  if (!(await isSigned(session, service, said)))
    throw broken(service, next, known, `names ${entriesText(named.size)} of ${known.origin} that its key did not sign`);
  // guard: succession-continued
  if (!(await isPrefix(session, service, known.number, { older: known.head, newer: named })))
    throw broken(
      service,
      next,
      known,
      `names ${entriesText(named.size)} of ${known.origin} that are not shown to begin with those that were signed`,
    );
  return named.size - known.head.size;
}

type Before = AuditFacts<'log.begin'>['before'];
type SaidNote = { readonly origin: string; readonly size: number; readonly root: string; readonly line?: string };

/** What the first entry of the log says of those before it, once it is shown to be that; undefined where there is none. */
async function firstEntry(session: Session, service: Service, { number, head }: NextLog): Promise<Before> {
  const found = await findInLog(session, service, 'audit.get', { params: { index: 0 }, query: { log: number } });
  if (found === undefined) return undefined;
  await requireIncluded(session, service, { log: number, index: 0, leaf: found.leaf }, head);
  const leaf = entryOf(found.leaf);
  if (leaf === undefined) return undefined;
  return leaf.act === 'log.begin' && leaf.res === 'ok' && leaf.obj.log === number ? leaf.obj.before : undefined;
}

/** Undefined for what is no entry: a service may have signed anything. */
function entryOf(text: string): ReturnType<typeof parseLeaf> | undefined {
  try {
    return parseLeaf(text);
  } catch {
    return undefined;
  }
}

function noteOf(before: Before, { number }: RememberedLog): SaidNote | undefined {
  // Of the old form is the one just below, and nothing shows who signed it.
  if (!Array.isArray(before)) return before;
  return before.find(({ log }) => log === number)?.note ?? undefined;
}

/** Whether the key of that number, which a directory lists, signed what is named. */
async function isSigned({ keeper }: Session, { urn }: Service, said: SaidNote): Promise<boolean> {
  const { origin, size, root, line } = said;
  const name = parseOrigin(origin);
  if (line === undefined || name?.urn !== urn) return false;
  const keys = (await logKeysOf([await keeper.current()], name)).map(({ note }) => note);
  try {
    const text = encodeCheckpoint({ origin, size, root: decodeBase64url(root) });
    await verifyCheckpoint(utf8(`${text}\n${line}\n`), { origin, keys });
    return true;
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}

function broken({ urn }: Service, { number }: NextLog, { head }: RememberedLog, what: string): BullaError {
  const [, org = '', , ...id] = urn.split(':').slice(1);
  return bullaError('log_inconsistent', {
    message: `log ${number} of ${urn} ${what}, of which this witness signed ${entriesText(head.size)}; if a person knows why, such as after a disaster: bulla audit witness --accept ${org} ${id.join(':')}`,
    origin: 'client',
    check: 'succession',
  });
}
