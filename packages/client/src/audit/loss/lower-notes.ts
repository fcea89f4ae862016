import { CryptoError, utf8 } from '@bulla/crypto';
import type { Trust } from '@bulla/crypto';
import { encodeCheckpoint, verifyCheckpoint } from '@bulla/crypto/log';
import { entriesText } from '../counted-entries.js';
import { logKeysOf, otherLogKeysOf } from '../log-keys.js';
import type { LowerLog, LowerNote } from '../log-origin.js';

/**
 * What a log says of those before it, each judged by the line of its own signature.
 * @returns in words
 * @throws {CryptoError} log_inconsistent (log-key), signature_invalid: a log does not vouch for what is said of it
 */
export async function checkLower(lower: readonly LowerLog[], trusts: readonly Trust[]): Promise<string> {
  const parts: string[] = [];
  for (const { number, note } of lower) {
    if (note === undefined) parts.push(`log ${number} never began`);
    else
      parts.push(`${note.origin}, of which ${entriesText(note.head.size)} were signed${await lineText(note, trusts)}`);
  }
  return parts.length === 0 ? '' : `begins anew after ${parts.join(', ')}`;
}

async function lineText(note: LowerNote, trusts: readonly Trust[]): Promise<string> {
  const { name, origin, head, line } = note;
  if (line === undefined) return '';
  const bytes = utf8(`${encodeCheckpoint({ origin, ...head })}\n${line}\n`);
  const isBy = async (find: typeof logKeysOf) => {
    const keys = (await find(trusts, name)).map((key) => key.note);
    return isSigned(() => verifyCheckpoint(bytes, { origin, keys }));
  };
  if (await isBy(logKeysOf)) return '';
  // guard: audit-before-line
  if (await isBy(otherLogKeysOf))
    throw new CryptoError('log_inconsistent', `what it says of ${origin} is signed by the key of another log`, {
      check: 'log-key',
    });
  return ' by a key that no directory at hand lists';
}

/** @throws {CryptoError} signature_invalid for a line that is said to be of a known key */
async function isSigned(verify: () => Promise<unknown>): Promise<boolean> {
  try {
    await verify();
    return true;
  } catch (error) {
    if (error instanceof CryptoError && error.code === 'key_unknown') return false;
    throw error;
  }
}
