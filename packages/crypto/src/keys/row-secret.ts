import * as z from '#zod';
import { encodeBase64url, randomBytes } from '../encoding/bytes.js';
import { HASH_PATTERN } from '../names/patterns.js';

const ID_BYTES = 8;
const SECRET_BYTES = 32;
/** Secrets of rows that a key file keeps: by the older ones it is checked what was written before it had the newest. */
export const ROW_SECRETS_MAX = 16;

/** What a service authenticates the rows with that wait to come into its audit log (docs/spec/key-files.md). */
const rowSecretSchema = z.strictObject({
  id: z.string().check(z.regex(/^[A-Za-z0-9_-]{11}$/)),
  secret: z.string().check(z.regex(HASH_PATTERN)),
});
export type RowSecret = z.infer<typeof rowSecretSchema>;

/** The newest first. */
export const rowSecretsSchema = z.optional(
  z.array(rowSecretSchema).check(z.minLength(1), z.maxLength(ROW_SECRETS_MAX)),
);

/** A fresh secret for rows of the audit log. */
export function newRowSecret(): RowSecret {
  return { id: encodeBase64url(randomBytes(ID_BYTES)), secret: encodeBase64url(randomBytes(SECRET_BYTES)) };
}

/** A key file with a fresh secret for rows, before those that it has; the oldest goes where there would be too many. */
export function withNewRowSecret<File extends { readonly rows?: readonly RowSecret[] | undefined }>(
  file: File,
): File & { rows: RowSecret[] } {
  return { ...file, rows: [newRowSecret(), ...(file.rows ?? [])].slice(0, ROW_SECRETS_MAX) };
}
