import type { Trust } from '@bulla/crypto';
import { CryptoError } from '@bulla/crypto';
import type { LabelTagRow } from './label-tags.repository.js';

/** As many as one position is served with. */
const TAGS_MAX = 16;
const DAY_MS = 86_400_000;

/**
 * Which tags of a position are served: of each person the newest that counts now, or the newest where none does, since
 * what has ended still says where the label stood. Those that count come first.
 * @param tags the newest first; each was verified when it was taken.
 * @param now seconds
 */
export function servedTags(trust: Trust, tags: readonly LabelTagRow[], now: number): string[] {
  const byUser = new Map<string, { readonly tag: LabelTagRow; readonly good: boolean }>();
  for (const tag of tags) {
    const user = trust.userOf(tag.device_urn) ?? tag.device_urn;
    const good = isGood(trust, tag, now);
    const other = byUser.get(user);
    if (other === undefined || (good && !other.good)) byUser.set(user, { tag, good });
  }
  const served = [...byUser.values()].toSorted((left, right) => Number(right.good) - Number(left.good));
  return served.slice(0, TAGS_MAX).map(({ tag }) => tag.token);
}

/** Whether a verified tag counts now. */
function isGood(trust: Trust, tag: LabelTagRow, now: number): boolean {
  const { name, label, kid, device_urn: device, issued_at: issued, expires_at: expires } = tag;
  const end = Math.min(expires.getTime(), issued.getTime() + trust.labelRule(name, label).days * DAY_MS);
  return now * 1000 < end && trust.mayTag(device, name, label) && hasUsableKey(trust, kid, now);
}

function hasUsableKey(trust: Trust, kid: string, now: number): boolean {
  try {
    trust.requireKey(kid, { usage: 'durable', purpose: 'tag', now, check: 'tag-key' });
    return true;
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}
