import { ENTITY_KINDS, ROLES } from '@bulla/crypto/names';
import * as z from 'zod';

/** What an entity of the directory is. */
export const Kind = z.enum(ENTITY_KINDS);
export type Kind = z.infer<typeof Kind>;

/** What an entity of the directory may be trusted with. Finer rights come from groups, in the policy and in a prompt's own list. */
export const Role = z.enum(ROLES);
export type Role = z.infer<typeof Role>;

/**
 * Which roles hold which permission; `owner` holds all that `admin` holds.
 * A permission opens the door only: whose prompt, whose grant and whose name it is, each service judges itself.
 */
export const PERMISSIONS = {
  /** Bring new versions of the organisation's signed documents; their own signatures decide. */
  'organisation.update': ['admin'],
  /** Invite people, and let their devices in; only a holder of a directory key can sign what that takes. */
  'person.admit': ['admin'],
  /** See prompts, their versions, labels and sealed contents. */
  'prompt.read': ['admin', 'author', 'invoker', 'auditor'],
  /** Make prompts and versions, where the policy lets the author write this name. */
  'prompt.write': ['author'],
  'prompt.delete': ['admin', 'author'],
  /** Bring signed tags; who signed them decides. */
  'label.move': ['admin', 'author'],
  /** Follow a label from one position to the next. */
  'label.follow': ['admin', 'author', 'invoker', 'auditor', 'renewer'],
  /** Say that directories and positions are the newest: what a renewer is there for. */
  'label.renew': ['renewer'],
  /** See who holds grants of a prompt. */
  'grant.read': ['admin', 'author', 'auditor'],
  /** Collect the grants sealed to one's own keys. */
  'grant.collect': ['author', 'invoker', 'service'],
  /** Add grants: share, or move one's own to a new key. */
  'grant.write': ['author', 'invoker', 'service'],
  /** Delete grants: one's own, those of one's own versions, or any as admin. */
  'grant.delete': ['admin', 'author', 'invoker', 'service'],
  /** Let somebody who posted an unfit grant give that key that version again. */
  'grant.clear': ['admin'],
  'envelope.issue': ['invoker'],
  'envelope.read': ['admin', 'invoker', 'auditor'],
  /** See the names, states and counts of keys at rest, and which keys a service holds. */
  'key.read': ['admin', 'auditor'],
  /** Have keys at rest replaced. */
  'key.rotate': ['admin'],
  /** Bring shares of the root key; the shares decide. */
  'vault.unseal': ['admin'],
  /** Read the audit log, and verify it. */
  'audit.read': ['admin', 'auditor'],
  /** Erase what shows that a caller asked: what admins did is shown by it, too. */
  'audit.erase': ['owner'],
  /** Have rows set aside that nobody can check: they come into no log. */
  'audit.set-aside': ['owner'],
  /** Read what runs took: all of it as admin or auditor, one's own as anybody else. */
  'usage.read': ['admin', 'author', 'invoker', 'auditor'],
  /** Report what runs took, as the responder where they ran. */
  'usage.report': ['service'],
  /** Have a responder run a prompt; a gateway only carries another's question. */
  'invocation.run': ['invoker', 'gateway'],
} as const satisfies Record<string, readonly Role[]>;

export type Permission = keyof typeof PERMISSIONS;

/** Whether somebody with these roles holds a permission. */
export function may(roles: readonly Role[], permission: Permission): boolean {
  const holders: readonly Role[] = PERMISSIONS[permission];
  return roles.some((role) => holders.includes(role) || (role === 'owner' && holders.includes('admin')));
}
