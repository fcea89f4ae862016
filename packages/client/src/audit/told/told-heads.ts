import { utf8 } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { parseCheckpoint, parseNote, parseOrigin } from '@bulla/crypto/log';
import type { BullaError } from '../../connection/errors.js';
import { bullaError } from '../../connection/errors.js';
import type { TrustState } from '../../trust/trust-store.js';
import type { AuditVerdict } from '../audit-verdict.js';
import { isChainGood } from '../audit-verdict.js';
import { entriesText } from '../counted-entries.js';
import { isSameHead, keptHead, withHead } from '../kept-heads.js';

/** A head that an answer brought (docs/spec/audit-log.md, Told heads). */
export interface ToldHead extends TreeHead {
  readonly origin: string;
  /** The whole signed note. */
  readonly note: string;
}

/** Most heads of one log, beside those that contradict another. */
const OF_LOG_MAX = 16;
/** Most heads of one log. */
const CONTRADICTING_MAX = 32;
/** Logs of one service that were told first and stay; beyond them the newest is kept. */
const LOGS_MAX = 16;

/** The heads that answers brought, of all logs or of one, in the order in which they came. */
export function toldHeads(told: readonly string[] | undefined, origin?: string): ToldHead[] {
  const all = (told ?? []).map(toldHead);
  return origin === undefined ? all : all.filter((one) => one.origin === origin);
}

/** What a signed note says. It was verified when it came. */
export function toldHead(note: string): ToldHead {
  const { origin, size, root } = parseCheckpoint(parseNote(utf8(note)).text);
  return { origin, size, root, note };
}

type Kept = Pick<TrustState, 'heads' | 'told'>;

/** The head of the same size with another root that is kept, if there is one. */
export function contradicted({ heads, told }: Kept, head: ToldHead): TreeHead | undefined {
  const kept = keptHead(heads, head.origin);
  const known: readonly TreeHead[] = [...(kept === undefined ? [] : [kept]), ...toldHeads(told, head.origin)];
  return known.find((one) => one.size === head.size && !isSameHead(one, head));
}

/**
 * What is kept with a head that an answer brought; the same object where nothing changes. Of a log it keeps what was told
 * first and the newest: what was told once is not washed out by telling more. The same holds for the logs of a service.
 */
export function withTold<State extends Kept>(state: State, head: ToldHead): State {
  const { heads, told = [] } = state;
  const kept = keptHead(heads, head.origin);
  const own = toldHeads(told, head.origin);
  const isKnown = [...own, ...(kept === undefined ? [] : [kept])].some((one) => isSameHead(one, head));
  if (isKnown) return state;
  const beyond = own.length > 0 ? undefined : otherLogs(told, head.origin)[LOGS_MAX];
  // guard: told-newest-log without: if (beyond !== undefined) return state;
  if (beyond !== undefined && numberOf(beyond) > numberOf(head.origin)) return state;
  if (beyond !== undefined) return { ...state, told: [...told.filter((note) => !isOf(note, beyond)), head.note] };
  const isOrdinary = contradicted(state, head) === undefined;
  if (own.length >= (isOrdinary ? OF_LOG_MAX : CONTRADICTING_MAX)) {
    const [last] = own.toReversed();
    // guard: told-first-kept without: return { ...state, told: [...told.filter((note) => note !== own[0]?.note), head.note] };
    if (!isOrdinary || last === undefined || last.size > head.size) return state;
    return { ...state, told: [...told.filter((note) => note !== last.note), head.note] };
  }
  return { ...state, told: [...told, head.note] };
}

/**
 * What this machine knows after logs were verified: their heads, and none that they were shown to hold, or that ended logs
 * were to hold by the word of those that followed them.
 */
export function withVerified<State extends Kept>(state: State, { logs }: Pick<AuditVerdict, 'logs'>): State {
  let { heads, told } = state;
  const said = saidHeads(logs);
  for (const { failure, origin, head: shown, counted } of logs) {
    // What came too late is no measure for what is shown later.
    const head = counted ?? shown;
    if (!isChainGood({ failure }) || head === undefined || head.size === 0) continue;
    heads = withHead(heads, origin, head);
    const left = told?.filter((note) => {
      const one = toldHead(note);
      return one.origin !== origin || (one.size > head.size && !isCovered(one, said.get(origin)));
    });
    if (left?.length !== told?.length) told = left;
  }
  if (heads === state.heads && told === state.told) return state;
  return { ...state, ...(heads && { heads }), ...(told && { told }) };
}

/** What logs with higher numbers say of lower ones: of each the largest head. */
function saidHeads(logs: AuditVerdict['logs']): ReadonlyMap<string, TreeHead> {
  const said = new Map<string, TreeHead>();
  for (const log of logs) {
    for (const { note } of isChainGood(log) ? log.lower : [])
      if (note !== undefined && note.head.size > (said.get(note.origin)?.size ?? -1)) said.set(note.origin, note.head);
  }
  return said;
}

/** Whether a log that ended went on from a head, by what is said of its end: what is not shown of it is lost, and told so. */
function isCovered(head: TreeHead, said: TreeHead | undefined): boolean {
  // guard: told-covered without: return false;
  return said !== undefined && (head.size < said.size || isSameHead(head, said));
}

/** Two trees of one size, each signed. */
export function forkOf({ origin, size }: ToldHead): BullaError {
  return bullaError('log_inconsistent', { message: forkText(origin, size), origin: 'client', check: 'fork' });
}

export function forkText(origin: string, size: number): string {
  return `the answer tells of another tree of ${entriesText(size)} of ${origin} than this machine knows: the service shows each reader another log, or rewrote it`;
}

/** The other logs of its service of which something was told, in the order in which they were told first. */
function otherLogs(told: readonly string[], origin: string): string[] {
  const urn = parseOrigin(origin)?.urn;
  const origins = new Set(toldHeads(told).map((one) => one.origin));
  return [...origins].filter((one) => one !== origin && parseOrigin(one)?.urn === urn);
}

function isOf(note: string, origin: string): boolean {
  return toldHead(note).origin === origin;
}

function numberOf(origin: string): number {
  return parseOrigin(origin)?.number ?? 0;
}
