import { createHash } from 'node:crypto';
import type { Bytes, Signer, TokenKey } from '@bulla/crypto';
import { isSignatureOf, utf8 } from '@bulla/crypto';
import { TokenFault } from './token-fault.js';
import { readPin } from './token-pin.js';
import type { TokenPlace } from './token-place.js';
import { tokenPlace } from './token-place.js';
import type { TokenAnswer } from './token-process.js';
import { isBindingBuilt } from './token-process.js';
import type { TokenTimes } from './token-session.js';
import { TOKEN_TIMES, TokenSession } from './token-session.js';

/** A token that is away is not asked for every request that needs it. */
const REST_MS = 500;
/** No token or message of ours: each of them has a dot or a colon. */
const TRIAL = utf8('bulla tries a signing key');

/**
 * A signing key in a token (PKCS#11), which never leaves it: only hashes go there. Everything that signs takes it as it
 * takes a key of this process.
 */
export class TokenSigner implements Signer {
  readonly kid: string;
  readonly alg = 'PS256';
  readonly publicJwk: TokenKey['jwk'];
  readonly #key: TokenKey;
  readonly #place: TokenPlace;
  readonly #session: TokenSession;
  #atWork = 0;
  #isRetired = false;

  /** @throws {TokenPlaceRefused} */
  constructor(key: TokenKey, times: TokenTimes = { ...TOKEN_TIMES, restMs: REST_MS }) {
    this.kid = key.kid;
    this.publicJwk = key.jwk;
    this.#key = key;
    const place = tokenPlace(key.token, 'private');
    this.#place = place;
    this.#session = new TokenSession({
      place,
      keyType: 'private',
      readPin: () => readPin(place),
      times,
      prove: (ask) => this.#prove(ask),
    });
  }

  /** Where it is no token that would be used in production: what people are told of it. */
  get standIn(): string | undefined {
    return this.#session.standIn;
  }

  /** What the token calls it, for people. */
  get place(): string {
    return `${this.#place.object} in ${this.#place.token}`;
  }

  /** @throws {TokenFault} */
  async sign(bytes: Bytes): Promise<Bytes> {
    this.#atWork += 1;
    try {
      return this.#signatureIn(await this.#session.ask(question(bytes)));
    } finally {
      this.#atWork -= 1;
      this.#endRetired();
    }
  }

  /** Whether it can sign now. @throws as {@link sign} */
  async look(): Promise<void> {
    if (!isBindingBuilt()) throw new TokenFault('no_binding', this.#place);
    await this.sign(TRIAL);
  }

  /** It signs what is under way, and needs no process from then on. */
  retire(): void {
    this.#isRetired = true;
    this.#endRetired();
  }

  #endRetired(): void {
    if (this.#isRetired && this.#atWork === 0) this.#session.end();
  }

  /** A key of the same label may have taken its place: each process that begins is asked for a signature first. */
  async #prove(ask: (question: object) => Promise<TokenAnswer>): Promise<void> {
    const signature = this.#signatureIn(await ask(question(TRIAL)));
    // guard: token-other-key
    if (!(await isSignatureOf(this.#key, TRIAL, signature))) throw new TokenFault('other_key', this.#place);
  }

  #signatureIn({ signature }: TokenAnswer): Bytes {
    if (signature instanceof Uint8Array) return new Uint8Array(signature);
    throw new TokenFault('nonsense', this.#place);
  }
}

function question(bytes: Bytes): object {
  return { act: 'sign', digest: createHash('sha256').update(bytes).digest() };
}
