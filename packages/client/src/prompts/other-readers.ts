import type { Trust } from '@bulla/crypto';
import type { PromptRef } from '../labels/labels.js';
import type { Session } from '../connection/session.js';
import { grantsOf } from './grants-of.js';

/** A version that others can read than those who write its name or sign its labels. */
export interface WidelyRead {
  readonly version: number;
  /** URNs of devices that may act now and hold a grant of it. */
  readonly readers: readonly string[];
}

/**
 * Versions that devices can read which would get no grant if their author named no readers today: since the author named
 * them, since running was reading when it was pushed, or since they have left the groups. By the vault's list of grants,
 * which it can shorten.
 * @throws {BullaError} forbidden to whom the vault does not show grants
 */
export async function otherReaders(session: Session, trust: Trust, prompt: PromptRef): Promise<WidelyRead[]> {
  const reviewers = trust.reviewers(prompt.name);
  const isOther = (urn: string): boolean =>
    trust.entity(urn)?.kind === 'device' &&
    trust.activeKeys(urn, 'http', session.now()).length > 0 &&
    !trust.groupsOf(urn).some((group) => reviewers.includes(group));
  const found = (await grantsOf(session, trust, prompt)).filter(({ aud }) => isOther(aud));
  return [...Map.groupBy(found, ({ version }) => version)].map(([version, grants]) => ({
    version,
    readers: [...new Set(grants.map(({ aud }) => aud))],
  }));
}
