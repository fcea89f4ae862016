import { randomBytes } from '@bulla/crypto';

/** A fresh name as vendors give them: a prefix, and 128 random bits in hexadecimal. */
export function newVendorId(prefix: string): string {
  return prefix + Array.from(randomBytes(16), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
