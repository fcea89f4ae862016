import type { Trust } from '@bulla/crypto';
import { CryptoError, mightSignAt } from '@bulla/crypto';
import type { LabelTagRow } from './label-tags.repository.js';

/** What a tag is judged by, and the tag. */
export type ServableTag = Pick<
  LabelTagRow,
  'name' | 'label' | 'kid' | 'device_urn' | 'issued_at' | 'expires_at' | 'token'
>;

/** As many as one position is served with. */
const TAGS_MAX = 16;
const DAY_MS = 86_400_000;

export interface ServedTags {
  readonly tokens: string[];
  /** Seconds: until then enough people have signed lately, and no renewer need say that the position is the newest. */
  readonly freshUntil: number;
}

/**
 * Which tags of a position are served: of each person the newest that counts now, or the newest where none does, since
 * what has ended still says where the label stood. Those that count come first.
 * @param tags the newest first; each was verified when it was taken.
 * @param now seconds
 */
export function servedTags(trust: Trust, tags: readonly ServableTag[], now: number): ServedTags {
  const byUser = new Map<string, { readonly tag: ServableTag; readonly good: boolean }>();
  for (const tag of tags) {
    const user = trust.userOf(tag.device_urn) ?? tag.device_urn;
    const good = isGood(trust, tag, now);
    const other = byUser.get(user);
    if (other === undefined || (good && !other.good)) byUser.set(user, { tag, good });
  }
  const served = [...byUser.values()].toSorted((left, right) => Number(right.good) - Number(left.good));
  const good = served.filter((one) => one.good).map(({ tag }) => tag);
  return { tokens: served.slice(0, TAGS_MAX).map(({ tag }) => tag.token), freshUntil: freshUntilOf(trust, good) };
}

/** As every client counts: from the newest of as many as are needed on. */
function freshUntilOf(trust: Trust, good: readonly ServableTag[]): number {
  const [first] = good;
  if (first === undefined) return 0;
  const { threshold } = trust.labelRule(first.name, first.label);
  const said = good.map(({ issued_at: issued }) => issued.getTime() / 1000).toSorted((left, right) => right - left);
  const last = said[threshold - 1];
  return last === undefined ? 0 : last + trust.freshSeconds;
}

/** Whether a verified tag counts now. */
function isGood(trust: Trust, tag: ServableTag, now: number): boolean {
  const { name, label, kid, device_urn: device, issued_at: issued, expires_at: expires } = tag;
  const end = Math.min(expires.getTime(), issued.getTime() + trust.labelRule(name, label).days * DAY_MS);
  return now * 1000 < end && trust.mayTag(device, name, label) && mightSign(trust, kid, now, issued);
}

/** Whether a key is usable now and was when it signed. */
function mightSign(trust: Trust, kid: string, now: number, issued: Date): boolean {
  try {
    const { record } = trust.requireKey(kid, { usage: 'durable', purpose: 'tag', now, check: 'tag-key' });
    // guard: served-key-time
    return mightSignAt(record, issued.getTime() / 1000);
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}
