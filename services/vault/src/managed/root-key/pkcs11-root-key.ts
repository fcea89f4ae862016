import { createHash } from 'node:crypto';
import type { TokenAnswer, TokenPlace, TokenTimes } from '@bulla/service-kit';
import {
  isBindingBuilt,
  TOKEN_TIMES,
  TokenFault,
  tokenPlace,
  TokenPlaceRefused,
  TokenSession,
} from '@bulla/service-kit';
import type { PrivatePlace } from './private-file.js';
import { readPrivateFile } from './private-file.js';
import { additionalData, keyOf, RemoteRootKey } from './remote-root-key.js';
import type { KekContext } from './root-key-provider.js';
import { RootKeyFault, RootKeyRefused } from './root-key-provider.js';

/** IV, then ciphertext and tag, of AES-256-GCM in the token. */
const WRAPPED = /^p11\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{22,128})$/;

/** A root key in a token (PKCS#11): KEKs are encrypted and decrypted inside it, by a key that never leaves it. */
export class Pkcs11RootKey extends RemoteRootKey {
  readonly name = 'pkcs11';
  readonly kid: string;
  readonly #place: TokenPlace;
  readonly #session: TokenSession;

  constructor(place: TokenPlace, files: PrivatePlace, times: TokenTimes = TOKEN_TIMES) {
    super();
    this.#place = place;
    const readPin = () => readPinFile(place, files);
    this.#session = new TokenSession({ place, keyType: 'secret-key', readPin, times });
    const name = createHash('sha256').update(`${place.token}\0${place.object}`).digest('hex');
    this.kid = `root:pkcs11:${name.slice(0, 16)}`;
  }

  /** Known once the token was asked something. */
  get standIn(): string | undefined {
    return this.#session.standIn;
  }

  async wrap(kek: Uint8Array, context: KekContext): Promise<string> {
    const plaintext = Buffer.from(kek);
    try {
      const { iv, sealed } = await this.#ask({ act: 'encrypt', plaintext, aad: this.#aad(context) });
      const wrapped = `p11.${text(iv)}.${text(sealed)}`;
      if (WRAPPED.test(wrapped)) return wrapped;
      throw this.#nonsense();
    } finally {
      plaintext.fill(0);
    }
  }

  async unwrap(wrapped: string, context: KekContext): Promise<Uint8Array> {
    const [, iv, sealed] = WRAPPED.exec(wrapped) ?? [];
    if (iv === undefined || sealed === undefined) throw this.#wrong();
    const parts = { iv: Buffer.from(iv, 'base64url'), sealed: Buffer.from(sealed, 'base64url') };
    const { plaintext, wrong } = await this.#ask({ act: 'decrypt', ...parts, aad: this.#aad(context) });
    // guard: pkcs11-wrong-key
    if (wrong === true) throw this.#wrong();
    if (!(plaintext instanceof Uint8Array)) throw this.#nonsense();
    return keyOf(plaintext, this.kid);
  }

  close(): Promise<void> {
    this.#session.end();
    return Promise.resolve();
  }

  #aad(context: KekContext): Buffer {
    return Buffer.from(additionalData(this.kid, context));
  }

  /** @throws {RootKeyFault} unavailable */
  async #ask(question: object): Promise<TokenAnswer> {
    try {
      return await this.#session.ask(question);
    } catch (error) {
      throw error instanceof TokenFault || error instanceof RootKeyRefused ? unavailable(error) : error;
    }
  }

  #nonsense(): RootKeyFault {
    return unavailable(new TokenFault('nonsense', this.#place));
  }

  #wrong(): RootKeyFault {
    return new RootKeyFault('wrong_key', `a wrapped key is not one of ${this.kid}, or not one of this row`);
  }
}

function unavailable({ message }: Error): RootKeyFault {
  return new RootKeyFault('unavailable', message);
}

/** @throws {RootKeyRefused} */
function readPinFile({ pinFile }: TokenPlace, files: PrivatePlace): Buffer {
  const bytes = readPrivateFile(pinFile, files);
  if (bytes === undefined) throw new RootKeyRefused(`${pinFile}: there is no file with a PIN`);
  const end = bytes.at(-1) === 0x0a ? bytes.length - 1 : bytes.length;
  if (end === 0) throw new RootKeyRefused(`${pinFile}: there is no PIN in it`);
  return bytes.subarray(0, end);
}

function text(bytes: unknown): string {
  return bytes instanceof Uint8Array ? Buffer.from(bytes).toString('base64url') : '';
}

/**
 * Opens a key of a token; it is asked for nothing yet.
 * @throws {RootKeyRefused}
 */
export function openPkcs11RootKey(uri: string, files: PrivatePlace): Pkcs11RootKey {
  const place = rootPlace(uri);
  if (!isBindingBuilt())
    throw new RootKeyRefused(
      'BULLA_ROOT_KEY: what speaks PKCS#11 is not built here; build it with: npm run build:token',
    );
  readPinFile(place, files).fill(0);
  return new Pkcs11RootKey(place, files);
}

/** Where a root key is in a token. @throws {RootKeyRefused} */
export function rootPlace(uri: string): TokenPlace {
  try {
    return tokenPlace(uri, 'secret-key');
  } catch (error) {
    throw error instanceof TokenPlaceRefused ? new RootKeyRefused(`BULLA_ROOT_KEY: ${error.message}`) : error;
  }
}
