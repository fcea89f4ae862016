import type { KeyRecord } from '@bulla/crypto';
import { isCheckpointKey } from '@bulla/crypto';
import type { PublicKey } from '@bulla/crypto/key-files';

/**
 * Why a service's new key for checkpoints cannot be listed; undefined where it can. It is of one log, and that one comes
 * after all whose keys are listed: a service signs the highest number that its directory lists (docs/spec/audit-log.md).
 */
export function whyNoNextLog(added: readonly PublicKey[], listed: readonly KeyRecord[]): string | undefined {
  const [key] = added.filter(isCheckpointKey);
  if (key === undefined) return undefined;
  // guard: accept-log
  if (key.log === undefined)
    return 'the file has a key for checkpoints that is of no log: bulla keys generate NEW --like FILE --checkpoint makes one that is';
  const highest = Math.max(0, ...listed.map(({ log }) => log ?? 0));
  // guard: accept-log-number
  if (key.log <= highest)
    return `the file has the key of audit log ${key.log}, and the directory lists one of log ${highest}: a new key is of a later log. Make the file again from the one that the service works with: bulla keys generate NEW --like FILE --marks FOLDER`;
  return undefined;
}
