import type { KeyRecord, PolicyDocument } from '@bulla/crypto';

/** Whether a key of a vault is there for managed names: it signs what came in the clear, or deposits are sealed to it. */
export function isManagedKey({ pur }: Pick<KeyRecord, 'pur'>): boolean {
  return pur.includes('content') || pur.includes('deposit');
}

/** Whether a policy says of any name that the vault manages it. */
export function managesNames({ custody }: Pick<PolicyDocument, 'custody'>): boolean {
  return Object.values(custody).includes('managed');
}
