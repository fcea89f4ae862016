import { AuthoritiesError, trustAuthorities } from '@bulla/client/node';
import type { Io } from '../io.js';
import { SettingError } from './settings.js';

/** The file with authorities that this command trusts beside those that Node knows. */
export function caFileOf({ env }: Pick<Io, 'env'>): string | undefined {
  const file = env['BULLA_CA_FILE'];
  return file === '' ? undefined : file;
}

/** Trusts them from now on. @throws {SettingError} for a file that cannot be used */
export function trustOwnAuthorities(io: Pick<Io, 'env'>): void {
  try {
    trustAuthorities(caFileOf(io));
  } catch (error) {
    throw error instanceof AuthoritiesError ? new SettingError(`BULLA_CA_FILE: ${error.message}`) : error;
  }
}
