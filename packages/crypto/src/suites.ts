import { CryptoError } from './errors.js';

export type SuiteId = 'rsa2048' | 'rsa3072' | 'ed25519';
/** JWS algorithms in use: RSASSA-PSS with SHA-256 and a 32-byte salt (RFC 7518 §3.5), Ed25519 (RFC 9864). */
export type SignAlg = 'PS256' | 'Ed25519';
/** JWE key transport in use: RSA-OAEP with SHA-256 and MGF1-SHA-256 (RFC 7518 §4.3). */
export type SealAlg = 'RSA-OAEP-256';

export interface Suite {
  readonly id: SuiteId;
  /** Security strength in bits (NIST SP 800-57 part 1, table 2). */
  readonly strength: 112 | 128;
  readonly sign: SignAlg;
  /** Absent for suites that only sign. */
  readonly seal?: SealAlg;
  /** RSA modulus length in bits, absent for other keys. */
  readonly modulusBits?: number;
  /** Whether root, policy and directory may be signed with it (protocol.md §1). */
  readonly documents: boolean;
  /** Last day content may rely on it, YYYY-MM-DD; absent where no end is set. */
  readonly protectUntil?: string;
}

/**
 * The suites of protocol.md §1. A key belongs to exactly one suite and one algorithm (RFC 8725 §3.1), which
 * the verifier takes from the key's directory record and never from a token.
 */
export const SUITES = {
  rsa2048: {
    id: 'rsa2048',
    strength: 112,
    sign: 'PS256',
    seal: 'RSA-OAEP-256',
    modulusBits: 2048,
    documents: false,
    protectUntil: '2030-12-31',
  },
  rsa3072: { id: 'rsa3072', strength: 128, sign: 'PS256', seal: 'RSA-OAEP-256', modulusBits: 3072, documents: true },
  ed25519: { id: 'ed25519', strength: 128, sign: 'Ed25519', documents: true },
} as const satisfies Record<SuiteId, Suite>;

/**
 * The suite of this name.
 * @throws {CryptoError} suite_unknown
 */
export function suite(id: string): Suite {
  if (!Object.hasOwn(SUITES, id)) throw new CryptoError('suite_unknown', 'unknown suite');
  return SUITES[id as SuiteId];
}
