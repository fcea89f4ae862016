import type { KeyFile, Signer, Trust } from '@bulla/crypto';
import type { PublicKey } from '@bulla/crypto/key-files';
import { fingerprint, publicJwkOf, requireSeconds } from '@bulla/crypto';
import type { Bulla } from '../bulla.js';
import { suiteForNewKeys } from '../people/suite-for-new-keys.js';
import type { Home } from './home/home.js';
import { HomeError } from './home/home.js';
import type { FileKey } from './home/key-file.js';
import { makeKey, readKeyFile, writeKeyFile } from './home/key-file.js';

/** Fingerprints of a device's signing keys, before and after. */
export interface RenewedDevice {
  readonly before: string;
  readonly after: string;
}

/**
 * Gives this device new keys: made and kept first, then listed, then used. Until they are listed they stand last in the
 * file, where no request is signed with them; an interrupted renewal is finished by the next.
 * @param name of the key file in the home folder. @param now the time in seconds.
 */
export async function renewDevice(
  { home, name }: { readonly home: Home; readonly name: string },
  { bulla, signer, now }: { readonly bulla: Bulla; readonly signer: Signer; readonly now: () => number },
): Promise<RenewedDevice> {
  const file = await readKeyFile(home, name);
  const before = file === undefined ? undefined : signingKid(file.keys);
  if (file === undefined || before === undefined) throw new HomeError(`there is no identity at ${home.path(name)}`);
  const trust = await bulla.refreshTrust();
  let keys = activeFirst(file, trust, now());
  if (signingKid(keys) === before) {
    const { made, all } = await withNewKeys(home, name, file, trust);
    const renewed = await bulla.people.renew(made.map(publicKeyOf), signer);
    keys = activeFirst({ ...file, keys: all }, renewed, now());
  }
  await writeKeyFile(home, name, { ...file, keys });
  return { before: fingerprint(before), after: fingerprint(signingKid(keys) ?? before) };
}

/**
 * Keys by which this device is let in again, where none of its own may sign requests any more. They are made and kept first,
 * and stand first in the file: no other signs a request. Those of a call before are taken.
 * @param now seconds
 * @returns none where one of its keys counts.
 */
export async function keysToComeBack(
  { home, name }: { readonly home: Home; readonly name: string },
  trust: Trust,
  now: number,
): Promise<readonly PublicKey[]> {
  requireSeconds(now);
  const file = await readKeyFile(home, name);
  if (file === undefined) throw new HomeError(`there is no identity at ${home.path(name)}`);
  const active = trust.activeKeys(file.urn, 'http', now).map(({ record }) => record.kid);
  if (file.keys.some(({ kid }) => active.includes(kid))) return [];
  const { made, all } = await withNewKeys(home, name, file, trust);
  const older = all.filter((key) => !made.includes(key));
  await writeKeyFile(home, name, { ...file, keys: [...made, ...older] });
  return made.map(publicKeyOf);
}

/** The key that requests are signed with. */
function signingKid(keys: readonly FileKey[]): string | undefined {
  return keys.find(({ use }) => use === 'sig')?.kid;
}

/** Keys that no directory lists were made by a renewal that was interrupted: those are taken. */
async function withNewKeys(
  home: Home,
  name: string,
  file: KeyFile,
  trust: Trust,
): Promise<{ made: readonly FileKey[]; all: FileKey[] }> {
  // Who is not listed may have been revoked before: such keys are of no use.
  const waiting = file.keys.filter(({ kid }) => trust.holder(kid) === undefined && !trust.isRevoked(kid));
  if (signingKid(waiting) !== undefined) return { made: waiting, all: file.keys };
  const made: FileKey[] = [];
  for (const use of ['sig', 'enc'] as const) {
    const newest = file.keys.find((key) => key.use === use);
    if (newest !== undefined) made.push(await makeKey(suiteForNewKeys(trust.policy) ?? newest.suite, use, newest.pur));
  }
  const all = [...file.keys, ...made];
  await writeKeyFile(home, name, { ...file, keys: all });
  return { made, all };
}

/** The order that an identity reads: the keys that count now, the newest first; then those that only open or verify. */
function activeFirst({ urn, keys }: KeyFile, trust: Trust, now: number): FileKey[] {
  const active = ['http', 'unwrap'] as const;
  const kids = active.flatMap((purpose) => trust.activeKeys(urn, purpose, now)).map(({ record }) => record.kid);
  const rank = ({ kid }: FileKey) => (kids.includes(kid) ? kids.indexOf(kid) : kids.length);
  return keys.toSorted((left, right) => rank(left) - rank(right));
}

function publicKeyOf({ jwk, ...key }: FileKey): PublicKey {
  return { ...key, jwk: publicJwkOf(jwk) };
}
