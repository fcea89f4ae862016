import type { StandingLabel } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { isEarlierTag, parseUrn, readTags } from '@bulla/crypto';
import { BullaError, checked } from '../connection/errors.js';
import { readMoves } from '../labels/label-chain.js';
import type { LabelHead } from '../labels/label-heads.js';
import type { ShownPosition } from '../labels/label-memory.js';
import { headOf } from '../labels/label-memory.js';
import type { Session } from '../connection/session.js';
import type { StandingPage } from '../labels/standing-labels.js';

/** A position for which nothing is signed. */
export interface HeldBack {
  readonly name: string;
  readonly label: string;
  readonly seq: number;
  /** For people. */
  readonly why: string;
}

/** What a renewer says of labels. */
export interface Judged {
  /** Remembered and good: it calls them the newest. */
  readonly vouched: readonly ShownPosition[];
  readonly held: readonly HeldBack[];
}

/** What tags say, and the label that they were shown for. */
interface ReadLabel {
  readonly standing: StandingLabel;
  readonly shown: ShownPosition;
}

/**
 * Takes into memory what comes after it and enough people signed, and says which of that is to be called the newest: what
 * was signed lately, and what was called so before.
 */
export async function judgePage(session: Session, trust: Trust, { labels, before }: StandingPage): Promise<Judged> {
  const held: HeldBack[] = [];
  const hold = ({ name, label, seq }: StandingLabel, why: string) => void held.push({ name, label, seq, why });
  const read: ReadLabel[] = [];
  for (const standing of labels) {
    const outcome = await readLabel(session, trust, standing);
    if (typeof outcome === 'string') {
      hold(standing, outcome);
      continue;
    }
    const isKnown = headOf(before(standing.name), standing.label) !== undefined;
    // guard: renewer-unknown
    if (!isKnown && outcome.shown.vouched !== true) {
      hold(standing, `it is new here and was not signed lately: ${ADOPT}`);
      continue;
    }
    read.push(outcome);
  }
  const positions = read.map(({ shown }) => shown);
  const taken = await session.labels.acceptAll(positions, before, ({ sub, label, seq: until }, after) =>
    readMoves(session, trust, { id: parseUrn(sub)?.id ?? '', label, after, until }),
  );
  const vouched: ShownPosition[] = [];
  for (const { standing, shown } of read) {
    const why = whyNot(taken.get(shown), shown, headOf(before(shown.name), shown.label));
    if (why !== undefined) hold(standing, why);
    // Nothing need be said of a label that is gone.
    else if (shown.version > 0) vouched.push(shown);
  }
  return { vouched, held };
}
const ADOPT = 'bulla trust renew --adopt';

/** Why a position is not called the newest, if it is not. */
function whyNot(
  outcome: boolean | BullaError | undefined,
  { pos, version, vouched }: ShownPosition,
  head: LabelHead | undefined,
): string | undefined {
  if (outcome instanceof BullaError) return outcome.message;
  if (outcome !== true) return 'a later position is remembered';
  const wasVouched = head?.pos === pos && head.vouched === true;
  // guard: renewer-vouched
  if (version > 0 && vouched !== true && !wasVouched)
    return `it was not signed lately, and is not what was known before: ${ADOPT}`;
  return undefined;
}

/** What the tags of a label say, if enough people signed it, be it long ago. */
async function readLabel(session: Session, trust: Trust, standing: StandingLabel): Promise<ReadLabel | string> {
  const { name, label, tags } = standing;
  if (tags.every(isEarlierTag)) return 'it was last signed by an earlier version of bulla';
  try {
    const { keeper, now } = session;
    const set = await keeper.withKnownKeys(trust, (known) =>
      checked(() => readTags(tags, { trust: known, name, label, now: now() })),
    );
    // guard: renewer-signed
    if (set.signed < set.needed) return `${set.signed} of ${set.needed} people needed signed it`;
    const isFresh = set.given >= set.needed && trust.clock(now()) < set.freshUntil;
    return { standing, shown: { ...set, tags, ...(isFresh && { vouched: true }) } };
  } catch (error) {
    if (error instanceof BullaError && error.origin === 'client') return error.message;
    throw error;
  }
}
