import type { TokenKey } from '@bulla/crypto';
import { TokenSigner } from './token-signer.js';

/** The signing keys of a service that are in tokens: each is opened once, and what refused it is remembered. */
export class TokenSigners {
  readonly #signers = new Map<string, TokenSigner>();

  /**
   * A signer that was tried a moment ago.
   * @throws {TokenFault} {TokenPlaceRefused}
   */
  async open(key: TokenKey): Promise<TokenSigner> {
    const name = nameOf(key);
    const signer = this.#signers.get(name) ?? new TokenSigner(key);
    this.#signers.set(name, signer);
    await signer.look();
    return signer;
  }

  /** Lets go of all that others took the place of. */
  keep(keys: readonly TokenKey[]): void {
    const kept = new Set(keys.map(nameOf));
    for (const [name, signer] of this.#signers) {
      if (kept.has(name)) continue;
      signer.retire();
      this.#signers.delete(name);
    }
  }
}

function nameOf({ kid, token }: TokenKey): string {
  return `${kid} ${token}`;
}
