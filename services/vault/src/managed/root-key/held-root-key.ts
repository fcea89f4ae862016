import { createHash } from 'node:crypto';
import { CryptoError } from '@bulla/crypto';
import { keyCheck, openKek, sealKek } from '@bulla/crypto/open';
import type { KekContext, RootKeyKind, RootKeyProvider } from './root-key-provider.js';
import { RootKeyFault } from './root-key-provider.js';

const FINGERPRINT_HEX = 16;

/** A root key whose 32 bytes are in this process, from wherever they came. */
export class HeldRootKey implements RootKeyProvider {
  readonly name: RootKeyKind;
  readonly kid: string;
  readonly #key: Uint8Array;
  readonly #check: string;

  private constructor(name: RootKeyKind, key: Uint8Array, check: string, kid: string) {
    this.name = name;
    this.kid = kid;
    this.#key = key;
    this.#check = check;
  }

  /**
   * @param key 32 bytes, which this takes over and wipes at the end.
   * @param kid its name, where that was known before the key; else made from the key
   */
  static async take(name: RootKeyKind, key: Uint8Array, kid?: string): Promise<HeldRootKey> {
    const check = await keyCheck(key);
    return new HeldRootKey(name, key, check, kid ?? `root:${name}:${fingerprintOf(check)}`);
  }

  wrap(kek: Uint8Array, context: KekContext): Promise<string> {
    return sealKek(kek, this.#key, this.kid, context);
  }

  async unwrap(wrapped: string, context: KekContext): Promise<Uint8Array> {
    try {
      return await openKek(wrapped, this.#key, this.kid, context);
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      throw new RootKeyFault('wrong_key', `a wrapped key is not one of ${this.kid}, or not one of this row`);
    }
  }

  makeCheck(): Promise<string> {
    return Promise.resolve(this.#check);
  }

  verifyCheck(value: string): Promise<boolean> {
    return Promise.resolve(value === this.#check);
  }

  health(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#key.fill(0);
    return Promise.resolve();
  }
}

/** Which key it is, from its key-check value: nobody comes from it to the key. */
function fingerprintOf(check: string): string {
  return createHash('sha256').update(check).digest('hex').slice(0, FINGERPRINT_HEX);
}
