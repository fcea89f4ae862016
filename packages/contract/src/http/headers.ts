import * as z from 'zod';
import { VersionOrNone } from '../numbers.js';

/** Entity tag of a numbered state: its number in quotes, for `ETag` and `If-Match`. */
export function entityTag(number: number): string {
  return `"${number}"`;
}

/** `If-Match: "<number>"`: the number that the change is based on, 0 if there is nothing yet. */
export const IfMatch = z
  .string()
  .regex(/^"(?:0|[1-9][0-9]{0,9})"$/, 'must be one number in double quotes')
  .meta({
    description: 'The number that the change is based on, in quotes; 0 if there is nothing yet.',
    example: '"3"',
  })
  .transform((text) => Number(text.slice(1, -1)))
  .pipe(VersionOrNone);

/** `If-None-Match` of a conditional GET. */
export const IfNoneMatch = z
  .string()
  .max(1_024)
  .meta({ description: 'The ETag of what the caller has: the same is not sent again (304).', example: '"12"' })
  .optional();

/** `Idempotency-Key`: chosen by the caller, fresh for every new intention, equal for every retry of it. */
export const IdempotencyKey = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{16,128}$/, 'must be 16 to 128 letters, digits, dots, colons, hyphens and underscores')
  .meta({
    description: 'Fresh for every new intention, equal for every retry of it.',
    example: 'idem_01k9z3q8e4fxq9m3y7t5w6v8na',
  });

/** `Authorization: Bootstrap <secret>`, of the one request that brings an organisation to a vault. */
export const BootstrapAuthorization = z
  .string()
  .regex(/^Bootstrap [A-Za-z0-9_-]{22,128}$/, 'must be Bootstrap and the secret')
  .meta({
    description: 'Bootstrap and the secret of the vault, once.',
    example: 'Bootstrap replace-with-the-secret-of-the-vault',
  })
  .optional();

/** Headers of a request with a body. */
export const idempotent = z.strictObject({ 'idempotency-key': IdempotencyKey });
/** Headers of a change to a numbered state. */
export const idempotentOn = z.strictObject({ 'idempotency-key': IdempotencyKey, 'if-match': IfMatch });
/** Headers of a read that may be answered from a cache. */
export const conditional = z.strictObject({ 'if-none-match': IfNoneMatch });
/** Headers of the request that brings an organisation. */
export const bootstrap = z.strictObject({ authorization: BootstrapAuthorization });
