import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { KekContext } from './root-key-provider.js';
import { RootKeyFault } from './root-key-provider.js';

// What root keys that never come here have in common.

/** What a key is bound to, as additional data: another row, version or root key is another text. */
export function additionalData(kid: string, { org, kek, kver }: KekContext): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(JSON.stringify({ typ: 'bulla-kek', kid, org, kek, kver }), 'utf8'));
}

/** No organisation is called so: a check is never taken for the key of one. */
const CHECK: KekContext = { org: '-', kek: 'root key check', kver: 1 };
const CHECK_BYTES = 32;

interface Wrapping {
  wrap(key: Uint8Array, context: KekContext): Promise<string>;
  unwrap(wrapped: string, context: KekContext): Promise<Uint8Array>;
}

/**
 * The key-check value of a key that nobody can take an HMAC with: random bytes under it, and their SHA-256. Only that
 * key gives the same bytes again, and it is asked what it will be asked later.
 */
export async function wrappedCheck(key: Wrapping): Promise<string> {
  const bytes = randomBytes(CHECK_BYTES);
  return `${await key.wrap(bytes, CHECK)} ${sha256(bytes).toString('base64url')}`;
}

/** Whether a value of {@link wrappedCheck} is of this key. @throws {RootKeyFault} unavailable */
export async function isWrappedCheck(key: Wrapping, value: string): Promise<boolean> {
  const [wrapped = '', hash = ''] = value.split(' ');
  try {
    const expected = Buffer.from(hash, 'base64url');
    const found = sha256(await key.unwrap(wrapped, CHECK));
    return expected.length === found.length && timingSafeEqual(expected, found);
  } catch (error) {
    if (error instanceof RootKeyFault && error.code === 'wrong_key') return false;
    throw error;
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

/** How long the answer to `health` is good for: who asks for readiness asks often. */
const HEALTHY_MS = 10_000;

/** Tries a root key that is elsewhere, and not for everybody who asks. */
export class RemoteHealth {
  readonly #key: Wrapping;
  #goodUntilMs = 0;

  constructor(key: Wrapping) {
    this.#key = key;
  }

  /** @throws {RootKeyFault} */
  async look(): Promise<void> {
    if (performance.now() < this.#goodUntilMs) return;
    await this.#key.wrap(new Uint8Array(CHECK_BYTES), CHECK);
    this.#goodUntilMs = performance.now() + HEALTHY_MS;
  }
}
