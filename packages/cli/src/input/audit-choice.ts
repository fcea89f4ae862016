import type { Trust } from '@bulla/crypto';
import type { InvitationRecord } from '@bulla/client';
import type { Context } from '../context.js';
import { idOf } from '../output/device-names.js';
import { readPeopleNames } from '../output/people-names.js';
import { InvitationFile } from '@bulla/client/node';
import { NotThereError, UsageError } from './usage-error.js';

const KID = /^[A-Za-z0-9_-]{43}$/;

/**
 * The keys of somebody, as entries name them: a key, a device (URN, id, or what it was called when it was let in from
 * here), a person (`usr_…`, or what they are called here), or a service.
 * @throws {NotThereError} if there is nobody like that
 */
export async function keysOfActor(context: Context, trust: Trust, text: string): Promise<string[]> {
  if (KID.test(text)) return [text];
  const records = await new InvitationFile(context.home).list();
  const names = await readPeopleNames(context.home);
  const people = new Set([...names].filter(([, name]) => name === text).map(([urn]) => urn));
  const urns = [...trust.entitiesOf('device'), ...trust.entitiesOf('vault'), ...trust.entitiesOf('responder')].filter(
    (urn) => isCalled(urn, trust.userOf(urn), text, records) || people.has(trust.userOf(urn) ?? ''),
  );
  const keys = urns.flatMap((urn) => trust.entity(urn)?.keys ?? []);
  if (keys.length > 0) return keys.filter(({ use }) => use === 'sig').map(({ kid }) => kid);
  throw new NotThereError(
    `the directory lists nobody who is called ${text}`,
    '`bulla device list` and `bulla people list` show who there is; `bulla people name` gives a name',
  );
}

function isCalled(urn: string, user: string | undefined, text: string, records: readonly InvitationRecord[]): boolean {
  const labelled = records.some(({ label, device }) => label === text && device === urn);
  return labelled || [urn, idOf(urn), user, user && idOf(user)].includes(text);
}

/**
 * URN of a service, given as such or by its last part: `vault`, `local`.
 * @throws {UsageError} naming those that there are
 */
export function requireService(text: string, services: readonly string[]): string {
  const found = services.find((urn) => urn === text || idOf(urn) === text);
  if (found !== undefined) return found;
  throw new UsageError(`there are no logs of ${text}`, `there are those of ${services.map(idOf).join(', ')}`);
}
