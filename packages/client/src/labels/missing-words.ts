import type { LabelPosition } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { CryptoError, isEarlierTag, parseTag, positionHash, positionOf, verifyLabelFreshness } from '@bulla/crypto';
import type { PromptRef } from './labels.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

const DAY_SECONDS = 86_400;

/** A label for whose position a renewer has not spoken for a day: what it does not see may be held back from others too. */
export interface MissingWords {
  readonly label: string;
  /** URNs. */
  readonly renewers: readonly string[];
}

/**
 * Labels of a prompt that moved more than a day ago, and the listed renewers of which there is no good word for where they
 * stand.
 */
export async function missingWords(session: Session, trust: Trust, { id, name }: PromptRef): Promise<MissingWords[]> {
  const listed = trust
    .entitiesOf('device')
    .filter((urn) => trust.hasRole(urn, 'renewer') && trust.activeKeys(urn, 'fresh', session.now()).length > 0);
  const { data } = await session.transport.call('label.list', vaultOf(session, trust), trust, { params: { id } });
  const missing: MissingWords[] = [];
  for (const position of data) {
    if (position.tags.every(isEarlierTag) || isYoung(position, session.now())) continue;
    const heard = await heardFor(session, trust, name, position);
    const renewers = listed.filter((urn) => !heard.has(urn));
    if (renewers.length > 0) missing.push({ label: position.label, renewers });
  }
  return missing;
}

/** Whether somebody signed it within a day: renewers have their round every hour. */
function isYoung({ tags }: LabelPosition, now: number): boolean {
  const signed = tags.filter((tag) => !isEarlierTag(tag)).map((tag) => parseTag(tag).claims.iat);
  return Math.min(...signed) + DAY_SECONDS >= now;
}

/** URNs of renewers with a good word for a position. */
async function heardFor(
  session: Session,
  trust: Trust,
  name: string,
  { label, seq, tags, fresh = [] }: LabelPosition,
): Promise<ReadonlySet<string>> {
  const [tag = ''] = tags.filter((one) => !isEarlierTag(one));
  const pos = await positionHash(positionOf(parseTag(tag).claims));
  const heard = new Set<string>();
  for (const word of fresh) {
    try {
      const { claims } = await verifyLabelFreshness(word, { name, label, seq, pos }, trust, session.now());
      heard.add(claims.iss);
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
    }
  }
  return heard;
}
