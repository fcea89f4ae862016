import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { KekContext, RootKeyKind, RootKeyProvider } from './root-key-provider.js';
import { RootKeyFault } from './root-key-provider.js';

// What root keys that never come here have in common.

/** What a key is bound to, as additional data: another row, version or root key is another text. */
export function additionalData(kid: string, { org, kek, kver }: KekContext): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(JSON.stringify({ typ: 'bulla-kek', kid, org, kek, kver }), 'utf8'));
}

/** No organisation is called so: a check is never taken for the key of one. */
const CHECK: KekContext = { org: '-', kek: 'root key check', kver: 1 };
const CHECK_BYTES = 32;

/** How long the answer to `health` is good for: who asks for readiness asks often. */
const HEALTHY_MS = 10_000;

/** A root key that is elsewhere: it is known by what it wraps and unwraps, and tried not for everybody who asks. */
export abstract class RemoteRootKey implements RootKeyProvider {
  abstract readonly name: RootKeyKind;
  abstract readonly kid: string;
  abstract readonly standIn: string | undefined;
  #goodUntilMs = 0;

  abstract wrap(kek: Uint8Array, context: KekContext): Promise<string>;
  abstract unwrap(wrapped: string, context: KekContext): Promise<Uint8Array>;
  abstract close(): Promise<void>;

  /**
   * The key-check value of a key that nobody can take an HMAC with: random bytes under it, and their SHA-256. Only that
   * key gives the same bytes again, and it is asked what it will be asked later.
   */
  async makeCheck(): Promise<string> {
    const bytes = randomBytes(CHECK_BYTES);
    return `${await this.wrap(bytes, CHECK)} ${sha256(bytes).toString('base64url')}`;
  }

  async verifyCheck(value: string): Promise<boolean> {
    const [wrapped = '', hash = ''] = value.split(' ');
    try {
      const expected = Buffer.from(hash, 'base64url');
      const found = sha256(await this.unwrap(wrapped, CHECK));
      // guard: remote-check without: return true;
      return expected.length === found.length && timingSafeEqual(expected, found);
    } catch (error) {
      if (error instanceof RootKeyFault && error.code === 'wrong_key') return false;
      throw error;
    }
  }

  async health(): Promise<void> {
    if (performance.now() < this.#goodUntilMs) return;
    await this.wrap(new Uint8Array(CHECK_BYTES), CHECK);
    this.#goodUntilMs = performance.now() + HEALTHY_MS;
  }
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** The bytes of a key, and no copy of them elsewhere. @throws {RootKeyFault} wrong_key for another length */
export function keyOf(bytes: Uint8Array, kid: string): Uint8Array {
  const key = new Uint8Array(bytes);
  bytes.fill(0);
  // guard: remote-key-length
  if (key.length !== 32) throw new RootKeyFault('wrong_key', `what ${kid} unwrapped is no key`);
  return key;
}
