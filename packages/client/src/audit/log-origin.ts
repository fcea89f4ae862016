import type { AuditFacts } from '@bulla/contract';
import { decodeBase64url } from '@bulla/crypto';
import type { LogName, TreeHead } from '@bulla/crypto/log';
import { parseOrigin } from '@bulla/crypto/log';

/** What a log says of the one before it, which it does not continue. */
export interface LogBefore {
  readonly origin: string;
  readonly head: TreeHead;
}

/** What a log says of one with a lower number. */
export interface LowerLog {
  readonly number: number;
  /** Its last signed note; undefined where it says that this one never began. */
  readonly note?: LowerNote | undefined;
}

export interface LowerNote extends LogBefore {
  readonly name: LogName;
  /** The line of the log's own signature, without its newline; logs from before there were numbers keep none. */
  readonly line?: string | undefined;
}

/** What a log says of entries that went, its own or those of a log before it. */
export interface SaidPrune {
  /** Which of the service's logs they are of. */
  readonly log: number;
  /** The last of them: it, and all before it. */
  readonly last: number;
  /** RFC 3339: when it was said. */
  readonly at: string;
  /** For people: where it is said. */
  readonly place: string;
  /** What the first entry of that log said of those before it. */
  readonly lower?: readonly LowerLog[] | undefined;
}

/** What a log says of evidence that was erased, its own or that of a log before it. */
export interface SaidErase {
  /** Which of the service's logs it was of. */
  readonly log: number;
  /** Thumbprint of the key whose evidence it was. */
  readonly actor: string;
  /** The first index of which it says nothing. */
  readonly below: number;
  /** For people: where it is said. */
  readonly place: string;
}

/**
 * What a log's first entry says of those with lower numbers: of each; a log from before there were numbers, of the last alone.
 * @returns `malformed` where it does not say it, or says it of another log
 */
export function lowerLogsIn(said: AuditFacts<'log.begin'>['before'], name: LogName): readonly LowerLog[] | 'malformed' {
  const { urn, number, pin } = name;
  const isNumbered = Array.isArray(said);
  // guard: audit-before-form
  if (isNumbered !== (pin !== undefined)) return said === undefined && number === 1 ? [] : 'malformed';
  const notes = isNumbered ? said : said === undefined ? [] : [{ log: number - 1, note: said }];
  // guard: audit-before-each
  if (notes.length !== (isNumbered ? number - 1 : Math.min(number - 1, 1))) return 'malformed';
  const first = number - notes.length;
  const lower = notes.map(({ log, note }, at) => {
    const own = note === null ? undefined : parseOrigin(note.origin);
    // guard: audit-before-order
    if (log !== first + at) return undefined;
    if (note === null || own === undefined) return note === null ? { number: log } : undefined;
    // guard: audit-log-before
    if (own.urn !== urn || own.number !== log || (own.pin !== undefined && own.pin !== pin)) return undefined;
    const { origin, size, root } = note;
    const head = { size, root: decodeBase64url(root) };
    return { number: log, note: { name: own, origin, head, ...('line' in note && { line: note.line }) } };
  });
  return lower.includes(undefined) ? 'malformed' : (lower as LowerLog[]);
}
