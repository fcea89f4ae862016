import type { InvitationRecord, ListedDevice } from '@bulla/client';
import { DeviceLabel, DeviceRole, Group } from '@bulla/contract';
import { parseUrn, urnOf } from '@bulla/crypto';
import { NotThereError, UsageError } from '../input/usage-error.js';

const LIST_HINT = '`bulla people list` shows everybody';

/** The last part of a URN: `dev_…` or `usr_…`. */
export function idOf(urn: string): string {
  return urn.slice(urn.lastIndexOf(':') + 1);
}

/**
 * A device by its URN, its id, or what it was called when it was let in from here.
 * @throws {NotThereError} if there is none; {UsageError} if several are called that
 */
export function findDevice(
  text: string,
  devices: readonly ListedDevice[],
  records: readonly InvitationRecord[],
): ListedDevice {
  const named = new Set(records.filter(({ label }) => label === text).map(({ device }) => device));
  const found = devices.filter(({ urn }) => urn === text || idOf(urn) === text || named.has(urn));
  const [device] = found;
  if (device !== undefined && found.length === 1) return device;
  const hint = '`bulla device list` shows every device with its id';
  if (device === undefined) throw new NotThereError('there is no such device', hint);
  throw new UsageError(
    `${found.length} devices are called that: ${found.map(({ urn }) => idOf(urn)).join(', ')}`,
    hint,
  );
}

/**
 * URN of a person, given as such, as `usr_…` or by what they are called here.
 * @param names by URN
 * @throws {UsageError}
 */
export function requireUser(org: string, text: string, names: ReadonlyMap<string, string>): string {
  const called = [...names].filter(([, name]) => name === text).map(([urn]) => urn);
  if (called.length > 1)
    throw new UsageError(`${called.length} people are called that: ${called.map(idOf).join(', ')}`, LIST_HINT);
  const [known] = called;
  if (known !== undefined && parseUrn(known)?.org === org) return known;
  const urn = text.startsWith('usr_') ? urnOf(org, 'user', text) : text;
  const parsed = parseUrn(urn);
  if (parsed?.kind === 'user' && parsed.org === org) return urn;
  throw new UsageError(`expected a person of ${org}, such as usr_…`, LIST_HINT);
}

/** @throws {UsageError} */
export function requireRoles(given: readonly string[] | undefined): DeviceRole[] {
  const roles = DeviceRole.array()
    .min(1)
    .safeParse([...new Set(given)]);
  if (roles.success) return roles.data;
  throw new UsageError(`--role: expected one or more of ${DeviceRole.options.join(', ')}`);
}

/** @throws {UsageError} */
export function requireGroups(given: readonly string[] | undefined): string[] {
  const groups = Group.array().safeParse([...new Set(given)]);
  if (groups.success) return groups.data;
  throw new UsageError('--group: expected the name of a group, such as grp:support');
}

/**
 * Checks that a renewer is nothing else: no other role, no groups, and nobody's further device (docs/spec/directory.md).
 * @throws {UsageError}
 */
export function requireAlone({
  roles,
  groups,
  user,
}: {
  readonly roles: readonly DeviceRole[];
  readonly groups: readonly string[];
  readonly user: string | undefined;
}): void {
  if (!roles.includes('renewer')) return;
  // guard: cli-renewer-alone
  if (roles.length > 1 || groups.length > 0 || user !== undefined)
    throw new UsageError(
      'a renewer has no other role, no groups, and is no further device of somebody',
      'bulla device invite --role renewer --label renewer',
    );
}

/** @throws {UsageError} */
export function requireDeviceLabel(text: string): string {
  if (DeviceLabel.safeParse(text).success) return text;
  throw new UsageError('--label: expected at most 64 letters, digits, spaces, dots, hyphens and underscores');
}
