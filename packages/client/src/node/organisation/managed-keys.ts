import type { KeyFile, SuiteId } from '@bulla/crypto';
import { makeKey } from '../home/key-file.js';

/** A vault's file with the keys for managed names; those that are there stay. */
export async function withManagedKeys<File extends Pick<KeyFile, 'keys'>>(file: File, suite: SuiteId): Promise<File> {
  const has = (purpose: 'content' | 'deposit') => file.keys.some(({ pur }) => pur.includes(purpose));
  const content = has('content') ? [] : [await makeKey(suite, 'sig', ['content'])];
  const deposit = has('deposit') ? [] : [await makeKey(suite, 'enc', ['deposit'])];
  return { ...file, keys: [...file.keys, ...content, ...deposit] };
}
