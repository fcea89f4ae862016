import { wholeNumberSetting } from '@bulla/service-kit';
import * as z from 'zod';
import { ROOT_KEY_KINDS } from './open-root-key.js';

/** As long as hosts of databases keep copies at most. */
const BACKUP_DAYS = 35;
const BACKUP_DAYS_MAX = 3_650;

const rootKeySetting = z
  .string()
  .regex(new RegExp(`^(?:${ROOT_KEY_KINDS.join('|')}):[\\x21-\\x7e]{1,500}$`))
  .optional();
const passphraseSetting = z.string().max(1_024).optional().describe('a passphrase of at least 16 characters');

/** What a vault takes from the environment about keys at rest. */
export const rootKeySettings = {
  BULLA_ROOT_KEY: rootKeySetting.describe(
    `where the root key is, such as file:/run/bulla/root.key; one of ${ROOT_KEY_KINDS.map((kind) => `${kind}:…`).join(', ')}`,
  ),
  BULLA_ROOT_KEY_NEXT: rootKeySetting.describe('where the root key is that follows, in the same form'),
  BULLA_ROOT_PASSPHRASE: passphraseSetting,
  BULLA_ROOT_PASSPHRASE_NEXT: passphraseSetting,
  BULLA_BACKUP_DAYS: wholeNumberSetting(BACKUP_DAYS, 0, BACKUP_DAYS_MAX),
};
