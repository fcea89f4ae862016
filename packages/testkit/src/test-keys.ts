import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Suites whose keys take so long to make that tests bring their own. */
type RsaSuite = 'rsa2048' | 'rsa3072';

interface RsaPublicJwk {
  readonly kty: 'RSA';
  readonly n: string;
  readonly e: 'AQAB';
}

interface RsaPrivateJwk extends RsaPublicJwk {
  readonly d: string;
  readonly p: string;
  readonly q: string;
  readonly dp: string;
  readonly dq: string;
  readonly qi: string;
}

/** A key pair as the crypto package has them. */
export interface TestKeyPair {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly suite: RsaSuite;
  readonly alg: 'PS256' | 'RSA-OAEP-256';
  readonly publicJwk: RsaPublicJwk;
  readonly privateJwk: RsaPrivateJwk;
}

/** The committed keys (test-keys.json, which make-test-keys.mjs made), each to be given once. */
export class TestKeys {
  #left: Record<RsaSuite, RsaPrivateJwk[]> | undefined;

  /** Undefined when there is none: of another suite, or no more. */
  take(suite: string, use: 'sig' | 'enc'): TestKeyPair | undefined {
    if (suite !== 'rsa2048' && suite !== 'rsa3072') return undefined;
    // Read when the first is wanted.
    this.#left ??= JSON.parse(readFileSync(new URL('../test-keys.json', import.meta.url), 'utf8')) as Record<
      RsaSuite,
      RsaPrivateJwk[]
    >;
    const privateJwk = this.#left[suite].shift();
    if (privateJwk === undefined) return undefined;
    const { kty, n, e } = privateJwk;
    // RFC 7638 §3.3: these members, in this order, without spaces.
    const kid = createHash('sha256').update(JSON.stringify({ e, kty, n })).digest('base64url');
    const alg = use === 'sig' ? 'PS256' : 'RSA-OAEP-256';
    return { kid, suite, alg, publicJwk: { kty, n, e }, privateJwk };
  }
}

const ofThisProcess = new TestKeys();

/**
 * A committed key pair that nobody else in this process was given, for `makeOrganisation({ readyKeyPair })`.
 * @returns undefined when there is none: the caller then makes one.
 */
export function committedKeyPair(suite: string, use: 'sig' | 'enc'): TestKeyPair | undefined {
  return ofThisProcess.take(suite, use);
}
