import type * as z from 'zod/mini';
import { CryptoError } from './errors.js';

/**
 * The value, if it has exactly the schema's shape.
 * @param what names the thing in the error, which tells the path of the first fault and never a value.
 * @throws {CryptoError} token_malformed
 */
export function checkShape<T>(value: unknown, schema: z.ZodMiniType<T>, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const path = result.error.issues[0]?.path.map(String).join('/') ?? '';
  throw new CryptoError('token_malformed', `${what} has a wrong shape at /${path}`);
}
