import type * as z from '#zod';
import { CryptoError } from '../names/errors.js';

const PLAIN = /^\w{1,32}$/;

/**
 * The value, if it has exactly the schema's shape.
 * @param what names the thing in the error, which tells the path of the first fault and never a value.
 * @throws {CryptoError} token_malformed
 */
export function checkShape<T>(value: unknown, schema: z.ZodMiniType<T>, what: string): T {
  const result = parse(value, schema, what);
  // guard: shape without: return value as T;
  if (result.success) return result.data;
  // A member name may come from outside too: only plain ones are told.
  const path = (result.error.issues[0]?.path ?? [])
    .map((name) => (PLAIN.test(String(name)) ? String(name) : '*'))
    .join('/');
  throw new CryptoError('token_malformed', `${what} has a wrong shape at /${path}`);
}

function parse<T>(value: unknown, schema: z.ZodMiniType<T>, what: string): z.core.util.SafeParseResult<T> {
  try {
    return schema.safeParse(value);
  } catch (error) {
    // Faults are gathered on the stack, and a hundred thousand do not fit.
    if (error instanceof RangeError) throw new CryptoError('token_malformed', `${what} has too many faults`);
    throw error;
  }
}
