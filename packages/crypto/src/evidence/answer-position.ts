import { directoryName } from './answer-checks.js';
import type { Finding } from './answer-finding.js';
import { tampered } from './answer-finding.js';
import type { VerifiedEnvelope } from '../run/envelope.js';
import { CryptoError } from '../names/errors.js';
import type { Evidence } from './evidence.js';
import { requireFreshPosition } from '../prompt/fresh-position.js';
import { parseLabelFreshness } from '../organisation/freshness.js';
import { urnOf } from '../names/ids.js';
import type { FinClaims } from '../run/reply.js';
import { parseTag } from '../prompt/tag.js';
import type { ResolvedTag, TagSet } from '../prompt/tag-set.js';
import { readTags, requireUsable } from '../prompt/tag-set.js';
import type { Trust } from '../organisation/trust.js';

/**
 * The tags that the policy wants show which prompt the name stands for, and its content. An asker who named a bare
 * version got the tags of `latest`, which may have moved on: then they show the prompt alone. Their expiry is said,
 * not judged. What was signed only after the answer does not count.
 * @returns the position that they show; undefined for a chat
 */
export async function checkTags(
  { tags }: Evidence,
  fin: FinClaims,
  trust: Trust,
  envelope: VerifiedEnvelope,
): Promise<Finding<ResolvedTag | undefined>> {
  const found = { against: `${directoryName(trust)} and its policy`, at: fin.iat };
  if (fin.purpose === 'chat.reply') {
    if (tags.length > 0) throw tampered('tag-count', 'a chat has no tags');
    return { value: undefined, detail: 'a chat without a stored prompt', ...found };
  }
  const { prm, iat } = fin;
  const label = tags[0] === undefined ? 'latest' : parseTag(tags[0]).claims.tag;
  const set = await readTags(tags, { trust, name: prm.name, label, now: iat, acceptExpired: true });
  const tag = usableThen(set);
  // guard: answer-tag-prompt
  if (tag.sub !== urnOf(trust.org, 'prompt', prm.id)) {
    throw tampered('tag-prompt', 'the name stands for another prompt');
  }
  const age = tag.expiresAt <= envelope.claims.iat ? ', expired when the question was asked' : '';
  const afterwards =
    set.ahead > 0 ? `, ${set.ahead} more signed it only after the answer, which counts for nothing` : '';
  const who = `${tag.signers.length} signed it${age}${afterwards}`;
  if (label === 'latest' && tag.version > prm.ver) {
    return {
      value: tag,
      detail: `version ${prm.ver} was named by its number: the label latest, at ${tag.version}, shows the prompt and not this content; ${who}`,
      ...found,
    };
  }
  // guard: answer-tag-version
  if (tag.version !== prm.ver || tag.chash !== prm.chash) {
    throw tampered('tag-version', 'the label names another version');
  }
  return { value: tag, detail: `${prm.name} version ${prm.ver} bore the label ${label}; ${who}`, ...found };
}

/** What a set shows by those who signed before the answer. Where later ones would be enough, that is said by name. */
function usableThen(set: TagSet): ResolvedTag {
  try {
    return requireUsable(set);
  } catch (error) {
    if (!(error instanceof CryptoError) || error.check !== 'tag-threshold' || set.ahead === 0) throw error;
    throw new CryptoError(error.code, 'too few signed the label before the answer: others did so only afterwards', {
      check: 'tag-time',
      cause: error,
    });
  }
}

/** Whether anybody said that the position was the newest when the question was asked: it decides nothing. */
export async function checkNewest(
  position: ResolvedTag | undefined,
  { fresh = [] }: Evidence,
  trust: Trust,
  { claims: { iat: asked } }: VerifiedEnvelope,
): Promise<Finding<void>> {
  const found = { value: undefined, against: 'the tags and what renewers say in the file', at: asked };
  if (position === undefined) return { ...found, detail: 'a chat without a stored prompt', isNotLookedFor: true };
  try {
    const { token } = await requireFreshPosition(position, fresh, { trust, now: asked });
    const by = token === undefined ? 'they signed it lately' : `${parseLabelFreshness(token).claims.iss} says so`;
    return { ...found, detail: `the position was the newest when the question was asked: ${by}` };
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    const detail = 'nothing here shows that the position was the newest when the question was asked';
    return { ...found, detail, isNotLookedFor: true };
  }
}
