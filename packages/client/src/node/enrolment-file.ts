import { NewEnrolment } from '@bulla/contract';
import { keyFileSchema } from '@bulla/crypto';
import * as z from 'zod';
import type { EnrolmentOutcome, PendingEnrolment } from '../people/enrolment.js';
import type { Home } from './home/home.js';
import { HomeError } from './home/home.js';
import { writeKeyFile } from './home/key-file.js';
import { IDENTITY, RENEWER_KEYS } from './organisation/key-names.js';
import { readProfile, writeProfile } from './home/profile.js';

const NAME = 'enrolment.json';

const EnrolmentFile = z.strictObject({ vaultUrl: z.string(), pin: z.string(), request: NewEnrolment });

/** The request of this device that waits, or undefined. @throws {HomeError} if the file cannot be used */
export async function readEnrolment(home: Home): Promise<PendingEnrolment | undefined> {
  const text = await home.readSecret(NAME);
  if (text === undefined) return undefined;
  try {
    const { keys, ...rest } = JSON.parse(text) as Record<string, unknown>;
    return { ...EnrolmentFile.parse(rest), keys: keyFileSchema.parse(keys) };
  } catch {
    // No cause: the messages of parsers quote the text, which holds keys.
    throw new HomeError(`${home.path(NAME)} cannot be read; remove it, and ask for another invitation`);
  }
}

/** Keeps a request, keys and all, before anything of it is sent. @throws {HomeError} if this folder is set up already */
export async function writeEnrolment(home: Home, pending: PendingEnrolment): Promise<void> {
  await requireUnused(home);
  await home.write(NAME, `${JSON.stringify(pending, null, 2)}\n`);
}

/** Refuses a folder that has an identity, or a profile of somebody else. */
export async function requireUnused(home: Home): Promise<void> {
  if ((await home.read(IDENTITY)) !== undefined || (await readProfile(home)) !== undefined)
    throw new HomeError(`${home.folder} is set up already; set BULLA_HOME to another folder for a further device`);
}

/**
 * Makes the folder that of a device or renewer which was let in; interrupted anywhere, the next call finishes it. What
 * the device saw on its way does not become the memory of a renewer: a renewer begins with what a person adopts.
 */
export async function finishEnrolment(
  home: Home,
  { vaultUrl, pin }: PendingEnrolment,
  { keys }: Extract<EnrolmentOutcome, { state: 'approved' }>,
): Promise<void> {
  const isRenewer = keys.keys.some(({ pur }) => pur.includes('fresh'));
  await writeKeyFile(home, isRenewer ? RENEWER_KEYS : IDENTITY, keys);
  await writeProfile(home, { vaultUrl, org: keys.org, pin });
  await home.remove(NAME);
}

/** Forgets a request that was refused. */
export function dropEnrolment(home: Home): Promise<void> {
  return home.remove(NAME);
}
