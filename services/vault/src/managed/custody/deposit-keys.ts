import { createHmac, hkdfSync } from 'node:crypto';
import type { KeyFile, Unwrapper } from '@bulla/crypto';
import { isSealAlg } from '@bulla/crypto';
import { loadUnwrapper } from '@bulla/crypto/open';

const MAC_INFO = 'bulla request hash v1';
const NONE = new Uint8Array(0);

interface DepositKey {
  readonly unwrapper: Unwrapper;
  /** 32 bytes, by HKDF-SHA-256 (RFC 5869) from the private key. */
  readonly mac: Uint8Array;
}

/** The vault's private keys that deposits are sealed to, the newest first; and what only they can recognise. */
export class DepositKeys {
  /** None unless a file is taken. */
  #keys: readonly DepositKey[] = [];

  /** @throws {CryptoError} key_invalid */
  static async load(file: KeyFile): Promise<DepositKeys> {
    const keys = new DepositKeys();
    keys.take(await loadDepositKeys(file));
    return keys;
  }

  /** Those of another key file in the place of all that were there. */
  take(keys: readonly DepositKey[]): void {
    this.#keys = keys;
  }

  find(kid: string): Unwrapper | undefined {
    return this.#keys.find(({ unwrapper }) => unwrapper.kid === kid)?.unwrapper;
  }

  /**
   * HMAC-SHA-256 of a text under each key, base64url, the newest first: whoever has the database alone cannot try what it
   * is of. Replicas have the same keys, and a key that was renewed still recognises what it marked.
   */
  macsOf(text: string): string[] {
    return this.#keys.map(({ mac }) => createHmac('sha256', mac).update(text).digest('base64url'));
  }
}

/**
 * The keys for deposits of a vault's key file.
 * @throws {CryptoError} key_invalid
 */
export async function loadDepositKeys({ keys }: KeyFile): Promise<readonly DepositKey[]> {
  const loaded: DepositKey[] = [];
  for (const key of keys) {
    if (!key.pur.includes('deposit') || !isSealAlg(key.alg) || key.use !== 'enc') continue;
    const secret = Buffer.from(key.jwk.d, 'base64url');
    const mac = new Uint8Array(hkdfSync('sha256', secret, NONE, MAC_INFO, 32));
    secret.fill(0);
    loaded.push({ unwrapper: await loadUnwrapper(key.jwk, key.alg), mac });
  }
  return loaded;
}
