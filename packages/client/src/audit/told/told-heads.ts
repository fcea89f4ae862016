import { utf8 } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { parseCheckpoint, parseNote } from '@bulla/crypto/log';
import type { BullaError } from '../../connection/errors.js';
import { bullaError } from '../../connection/errors.js';
import type { TrustState } from '../../trust/trust-store.js';
import type { AuditVerdict } from '../audit-verdict.js';
import { entriesText, isChainGood } from '../audit-verdict.js';
import { isSameHead, keptHead, withHead } from '../kept-heads.js';
import { parseOrigin } from '../log-origin.js';

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
/** Most logs of one service: each that is lost begins another. */
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
 * first and the newest: what was told once is not washed out by telling more.
 */
export function withTold<State extends Kept>(state: State, head: ToldHead): State {
  const { heads, told = [] } = state;
  const kept = keptHead(heads, head.origin);
  const own = toldHeads(told, head.origin);
  const isKnown = [...own, ...(kept === undefined ? [] : [kept])].some((one) => isSameHead(one, head));
  if (isKnown || (own.length === 0 && logsOf(told, head.origin) >= LOGS_MAX)) return state;
  const isOrdinary = contradicted(state, head) === undefined;
  if (own.length >= (isOrdinary ? OF_LOG_MAX : CONTRADICTING_MAX)) {
    const [last] = own.toReversed();
    // guard: told-first-kept without: return { ...state, told: [...told.filter((note) => note !== own[0]?.note), head.note] };
    if (!isOrdinary || last === undefined || last.size > head.size) return state;
    return { ...state, told: [...told.filter((note) => note !== last.note), head.note] };
  }
  return { ...state, told: [...told, head.note] };
}

/** What this machine knows after logs were verified: their heads, and none that they were shown to hold. */
export function withVerified<State extends Kept>(state: State, { logs }: Pick<AuditVerdict, 'logs'>): State {
  let { heads, told } = state;
  for (const { failure, origin, head } of logs) {
    if (!isChainGood({ failure }) || head === undefined) continue;
    heads = withHead(heads, origin, head);
    const left = told?.filter((note) => {
      const one = toldHead(note);
      return one.origin !== origin || one.size > head.size;
    });
    if (left?.length !== told?.length) told = left;
  }
  if (heads === state.heads && told === state.told) return state;
  return { ...state, ...(heads && { heads }), ...(told && { told }) };
}

/** Two trees of one size, each signed. */
export function forkOf({ origin, size }: ToldHead): BullaError {
  return bullaError('log_inconsistent', { message: forkText(origin, size), origin: 'client', check: 'fork' });
}

export function forkText(origin: string, size: number): string {
  return `the answer tells of another tree of ${entriesText(size)} of ${origin} than this machine knows: the service shows each reader another log, or rewrote it`;
}

/** Of how many other logs of its service something was told. */
function logsOf(told: readonly string[], origin: string): number {
  const urn = parseOrigin(origin)?.urn;
  return new Set(toldHeads(told).flatMap((one) => (parseOrigin(one.origin)?.urn === urn ? [one.origin] : []))).size;
}
