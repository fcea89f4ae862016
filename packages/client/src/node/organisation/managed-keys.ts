import type { KeyFile, KeyRecord, PolicyDocument, SuiteId } from '@bulla/crypto';
import { makeKey } from '../home/key-file.js';

/** Whether a key of a vault is there for managed names: it signs what came in the clear, or deposits are sealed to it. */
export function isManagedKey({ pur }: Pick<KeyRecord, 'pur'>): boolean {
  return pur.includes('content') || pur.includes('deposit');
}

/** Whether a policy says of any name that the vault manages it. */
export function managesNames({ custody }: Pick<PolicyDocument, 'custody'>): boolean {
  return Object.values(custody).includes('managed');
}

/** A vault's file with the keys for managed names; those that are there stay. */
export async function withManagedKeys<File extends Pick<KeyFile, 'keys'>>(file: File, suite: SuiteId): Promise<File> {
  const has = (purpose: 'content' | 'deposit') => file.keys.some(({ pur }) => pur.includes(purpose));
  const content = has('content') ? [] : [await makeKey(suite, 'sig', ['content'])];
  const deposit = has('deposit') ? [] : [await makeKey(suite, 'enc', ['deposit'])];
  return { ...file, keys: [...file.keys, ...content, ...deposit] };
}
