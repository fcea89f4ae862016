import { combine } from 'shamir-secret-sharing';
import type { Bytes } from '../../encoding/bytes.js';
import { Secret } from '../../encoding/secret.js';

/**
 * The root key that shares make. Of too few, or of others, they make a key too, and a wrong one.
 * @param values those of verified shares of one set, each once, as many as are needed; 33 bytes each
 */
export async function combineShares(values: readonly Secret[]): Promise<Secret> {
  return new Secret((await combine(values.map((value) => value.reveal()))) as Bytes);
}
