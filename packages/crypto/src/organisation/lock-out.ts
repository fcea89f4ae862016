import type { DirectoryDocument, EntityKind } from './directory.js';
import { DirectoryKeys } from './directory-keys.js';
import { secondsOf } from '../tokens/document-times.js';
import type { KeyPurpose } from '../keys/keys.js';
import type { PolicyDocument } from './policy.js';
import { requireSeconds } from '../names/seconds.js';

/** A directory and the policy that it is used with. */
export interface DocumentPair {
  readonly policy: PolicyDocument;
  readonly directory: DirectoryDocument;
}

/** Without whom an organisation stands still. */
export type Needed = 'vault' | 'responder' | 'owner';

/** Whom the next documents would take away, and what did it. */
export interface LockOut {
  readonly who: Needed;
  /** `suites`: with the suites of the policy before, they would still be there. */
  readonly by: 'suites' | 'directory' | 'expiry';
  /** A sentence for people, without a full stop. */
  readonly reason: string;
}

const DAY_SECONDS = 86_400;
/** What is there now and gone within a week is taken away, too: nobody mends it in less. */
const AHEAD_SECONDS = 7 * DAY_SECONDS;

/** What somebody must have keys for, all at once, so that the organisation can go on. */
const NEEDED: Readonly<Record<Needed, { readonly kind: EntityKind; readonly purposes: readonly KeyPurpose[] }>> = {
  // Without it no answer is believed, and no envelope is handed out.
  vault: { kind: 'vault', purposes: ['http', 'envelope'] },
  // Without one nothing runs.
  responder: { kind: 'responder', purposes: ['http', 'reply', 'unwrap'] },
  // Without one nobody can ask the vault to take the next policy or directory; a root may bring its own.
  owner: { kind: 'device', purposes: ['http'] },
};
const NAMES: Readonly<Record<Needed, string>> = {
  vault: 'the vault',
  responder: 'the last responder',
  owner: 'the last owner',
};

/**
 * Finds whom the next policy or directory would take away: the vault, the last responder or the last owner that could
 * still be used under the documents before. What those did not give is not asked for, so that an organisation which is
 * locked already can be mended (docs/spec/directory.md#nobody-is-locked-out). Signatures are not looked at.
 * @param before what counts now.
 * @param after what would count then; of a policy that is published by itself, with the directory of now.
 * @param now seconds.
 * @returns undefined where nobody is locked out.
 */
export function findLockOut(before: DocumentPair, after: DocumentPair, now: number): LockOut | undefined {
  requireSeconds(now);
  for (const [name, { expires }] of [['policy', after.policy] as const, ['directory', after.directory] as const]) {
    // guard: lock-out-expired
    if (secondsOf(expires) <= now && secondsOf(before[name].expires) > now)
      return { who: 'vault', by: 'expiry', reason: `the ${name} has expired already: nothing would count under it` };
  }
  const [had, has] = [keysOf(before), keysOf(after)];
  for (const who of ['vault', 'responder', 'owner'] as const) {
    for (const at of [now, now + AHEAD_SECONDS]) {
      if (!isThere(who, had, at) || isThere(who, has, at)) continue;
      const by = isThere(who, keysOf({ ...after, policy: before.policy }), at) ? 'suites' : 'directory';
      return { who, by, reason: reasonOf(who, by, at > now) };
    }
  }
  return undefined;
}

function keysOf({ directory, policy }: DocumentPair): DirectoryKeys {
  return new DirectoryKeys(directory, policy);
}

function isThere(who: Needed, keys: DirectoryKeys, now: number): boolean {
  const { kind, purposes } = NEEDED[who];
  return keys.entitiesOf(kind).some(
    (urn) =>
      (who !== 'owner' || keys.hasRole(urn, 'owner')) && // guard: lock-out-owner
      purposes.every((purpose) => keys.activeKeys(urn, purpose, now).length > 0),
  );
}

function reasonOf(who: Needed, by: 'suites' | 'directory', later: boolean): string {
  const name = NAMES[who];
  if (by === 'suites')
    return `the policy no longer allows the suite of the keys of ${name}: keys of a suite that it allows come first`;
  return later
    ? `${name} would be left without a usable key within a week: list another one first`
    : `${name} would be left without a usable key: list another one first`;
}
