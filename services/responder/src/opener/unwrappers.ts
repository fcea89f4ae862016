import type { KeyFile, Unwrapper } from '@bulla/crypto';
import { isSealAlg } from '@bulla/crypto';
import { loadUnwrapper } from '@bulla/crypto/open';

/**
 * The private encryption keys of a responder's key file, as keys that can unwrap and never be read again.
 * @throws {CryptoError} key_invalid
 */
export async function loadUnwrappers(file: KeyFile): Promise<Unwrapper[]> {
  const unwrappers: Unwrapper[] = [];
  for (const key of file.keys) {
    if (key.use === 'enc' && isSealAlg(key.alg)) unwrappers.push(await loadUnwrapper(key.jwk, key.alg));
  }
  return unwrappers;
}

/** Every private key that things may be sealed to: the newest and those that only open what is older. */
export class Unwrappers {
  #byKid: ReadonlyMap<string, Unwrapper> = new Map();

  constructor(unwrappers: readonly Unwrapper[]) {
    this.take(unwrappers);
  }

  /** Those of another key file in the place of all that were there. */
  take(unwrappers: readonly Unwrapper[]): void {
    this.#byKid = new Map(unwrappers.map((unwrapper) => [unwrapper.kid, unwrapper]));
  }

  find(kid: string): Unwrapper | undefined {
    return this.#byKid.get(kid);
  }
}
