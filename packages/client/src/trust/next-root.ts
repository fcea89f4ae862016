import type { DocumentKey, RootDocument } from '@bulla/crypto';
import { fingerprint, requireSeconds, secondsOf, timestampOf } from '@bulla/crypto';
import { bullaError } from '../connection/errors.js';

export const ROOT_ROLES = ['root', 'policy', 'directory'] as const;
/** Which kind of document a key signs. */
export type RootRole = (typeof ROOT_ROLES)[number];

/** What the next root says otherwise. */
export interface RootChange {
  readonly added: readonly { readonly role: RootRole; readonly kid: string; readonly key: DocumentKey }[];
  readonly removed: readonly { readonly role: RootRole; readonly kid: string }[];
  /** How many keys of a role must sign; as before unless given. */
  readonly thresholds: Readonly<Partial<Record<RootRole, number>>>;
}

/**
 * The root after a trusted one, planned for a moment and as long-lived as it was.
 * @param at seconds
 * @throws {BullaError} validation_failed if a key is there already, is not there, or too few are left
 */
export function nextRoot(root: RootDocument, { added, removed, thresholds }: RootChange, at: number): RootDocument {
  requireSeconds(at);
  const roles = structuredClone(root.roles);
  const known = new Map<string, DocumentKey>(Object.entries(root.keys));
  for (const { role, kid } of removed) {
    if (!roles[role].kids.includes(kid)) throw refused(`${fingerprint(kid)} is no key of the ${role}`);
    roles[role].kids = roles[role].kids.filter((one) => one !== kid);
  }
  for (const { role, kid, key } of added) {
    if (roles[role].kids.includes(kid)) throw refused(`${fingerprint(kid)} is a key of the ${role} already`);
    roles[role].kids = [...roles[role].kids, kid];
    known.set(kid, key);
  }
  for (const role of ROOT_ROLES) {
    const { kids } = roles[role];
    roles[role].threshold = thresholds[role] ?? roles[role].threshold;
    if (kids.length < roles[role].threshold)
      throw refused(`${roles[role].threshold} keys must sign the ${role}, and it would have ${kids.length}`);
  }
  const kept = new Set(ROOT_ROLES.flatMap((role) => roles[role].kids));
  return {
    ...root,
    version: root.version + 1,
    issued: timestampOf(at),
    expires: timestampOf(at + secondsOf(root.expires) - secondsOf(root.issued)),
    keys: Object.fromEntries([...known].filter(([kid]) => kept.has(kid))),
    roles,
  };
}

function refused(message: string) {
  return bullaError('validation_failed', { message: `nothing was proposed: ${message}`, origin: 'client' });
}
