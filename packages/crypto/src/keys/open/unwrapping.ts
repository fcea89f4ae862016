import type { Secret } from '../../encoding/secret.js';
import type { WrappedKey } from '../suite-kind.js';
import type { SealAlg } from '../suites.js';
import { unwrapAgreed } from './suite-p256.js';
import { unwrapOaep } from './suite-rsa.js';

/**
 * The content key of a token; fails with any error where there is none.
 * @param key the private half, not extractable
 */
export type Unwrap = (key: CryptoKey, wrapped: WrappedKey) => Promise<Secret>;

/** The private half of each way to seal: an algorithm without one does not compile. */
export const UNWRAPPING: Readonly<Record<SealAlg, Unwrap>> = {
  'RSA-OAEP-256': unwrapOaep,
  'ECDH-ES+A256KW': unwrapAgreed,
};
