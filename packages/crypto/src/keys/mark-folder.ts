import * as z from '#zod';
import { strictParseBody } from '../encoding/strict-parse.js';
import type { Bytes } from '../encoding/bytes.js';
import type { KeyFile } from './keys.js';
import { isCheckpointKey, kidSchema, logNumberSchema } from './keys.js';
import { CryptoError } from '../names/errors.js';

/** The file in a folder of marks that says whose it is, and from which log on it was there (docs/spec/audit-log.md). */
export const MARK_FOLDER_FILE = 'log.json';
const MARK_FOLDER_MAX_BYTES = 4_096;

const markFolderSchema = z.strictObject({
  v: z.literal(1),
  /** URN of the service. */
  urn: z.string().check(z.minLength(1), z.maxLength(256)),
  /** Of the key that the folder was set up for. */
  kid: kidSchema,
  /** The number of that key's log: nothing of a lower one is signed by this folder. */
  log: logNumberSchema,
});
export type MarkFolder = z.infer<typeof markFolderSchema>;

/**
 * What a folder of marks says that is set up for the newest log of a key file: for its first key for checkpoints.
 * @throws {CryptoError} key_invalid if the file has no key for the checkpoints of a numbered log
 */
export function markFolderText({ urn, keys }: Pick<KeyFile, 'urn' | 'keys'>): string {
  const key = keys.find(isCheckpointKey);
  if (key === undefined || !('log' in key) || key.log === undefined)
    throw new CryptoError('key_invalid', 'there is no key for the checkpoints of a numbered log');
  const said: MarkFolder = { v: 1, urn, kid: key.kid, log: key.log };
  return `${JSON.stringify(said)}\n`;
}

/** Reads it. @throws {CryptoError} token_malformed, payload_too_large */
export function parseMarkFolder(bytes: Bytes): MarkFolder {
  const read = markFolderSchema.safeParse(strictParseBody(bytes, { maxBytes: MARK_FOLDER_MAX_BYTES }));
  if (!read.success) throw new CryptoError('token_malformed', 'this is not the file of a folder of marks');
  return read.data;
}
