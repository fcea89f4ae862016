import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyFile } from '@bulla/crypto';
import { MARK_FOLDER_FILE, markFolderText } from '@bulla/crypto/log';

/** Sets a folder of marks up as the command does that makes a key for checkpoints. @returns the folder */
export function setUpMarkFolder(folder: string, keyFile: Pick<KeyFile, 'urn' | 'keys'>): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, MARK_FOLDER_FILE), markFolderText(keyFile), { mode: 0o600 });
  return folder;
}
