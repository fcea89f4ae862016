import { createHash } from 'node:crypto';
import type { TokenPlace } from './pkcs11-uri.js';
import { tokenPlace } from './pkcs11-uri.js';
import type { PrivatePlace } from './private-file.js';
import { readPrivateFile } from './private-file.js';
import { additionalData, keyOf, RemoteRootKey } from './remote-root-key.js';
import type { KekContext } from './root-key-provider.js';
import { RootKeyFault, RootKeyRefused } from './root-key-provider.js';
import type { TokenAnswer } from './token-process.js';
import { isBindingBuilt, TokenProcess } from './token-process.js';

/** A process begins, loads a library and logs in; then it is asked. */
const TIMES: TokenTimes = { openMs: 10_000, askMs: 5_000 };
/** IV, then ciphertext and tag, of AES-256-GCM in the token. */
const WRAPPED = /^p11\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{22,128})$/;
const SOFTHSM = /softhsm/i;

/** How long a process of a token may take. */
export interface TokenTimes {
  readonly openMs: number;
  readonly askMs: number;
}

/** What the words of a token process mean for an operator. */
const WHY: Readonly<Record<string, string>> = {
  no_token: 'has no token of that label',
  no_object: 'has no secret key of that label',
  two_objects: 'has two keys of that label',
  login: 'could not be logged into',
  pin: 'refused the PIN; it is not tried again before its file changes',
  late: 'did not answer in time',
  ended: 'ended unexpectedly',
};

/**
 * A root key in a token (PKCS#11): KEKs are encrypted and decrypted inside it, by a key that never leaves it. One process
 * is asked at a time; a failed one is ended, and the next question begins a new one, as after a restart of the token.
 */
export class Pkcs11RootKey extends RemoteRootKey {
  readonly name = 'pkcs11';
  readonly kid: string;
  readonly #place: TokenPlace;
  readonly #files: PrivatePlace;
  readonly #times: TokenTimes;
  #process: TokenProcess | undefined;
  #opened: Promise<TokenProcess> | undefined;
  #refusedPin: string | undefined;
  #standIn: string | undefined;

  constructor(place: TokenPlace, files: PrivatePlace, times: TokenTimes = TIMES) {
    super();
    this.#place = place;
    this.#files = files;
    this.#times = times;
    const name = createHash('sha256').update(`${place.token}\0${place.object}`).digest('hex');
    this.kid = `root:pkcs11:${name.slice(0, 16)}`;
  }

  /** Known once the token was asked something. */
  get standIn(): string | undefined {
    return this.#standIn;
  }

  async wrap(kek: Uint8Array, context: KekContext): Promise<string> {
    const plaintext = Buffer.from(kek);
    try {
      const { iv, sealed } = await this.#ask({ act: 'encrypt', plaintext, aad: this.#aad(context) });
      const wrapped = `p11.${text(iv)}.${text(sealed)}`;
      if (WRAPPED.test(wrapped)) return wrapped;
      throw this.#unavailable('answered something else than its interface says');
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
    if (!(plaintext instanceof Uint8Array)) throw this.#unavailable('answered something else than its interface says');
    return keyOf(plaintext, this.kid);
  }

  close(): Promise<void> {
    this.#process?.end();
    return Promise.resolve();
  }

  #aad(context: KekContext): Buffer {
    return Buffer.from(additionalData(this.kid, context));
  }

  /** @throws {RootKeyFault} unavailable */
  async #ask(question: object): Promise<TokenAnswer> {
    const child = await this.#open();
    const answer = await child.ask(question, this.#times.askMs);
    if (answer.error === undefined) return answer;
    child.end();
    throw this.#unavailable(answer.error);
  }

  #open(): Promise<TokenProcess> {
    if (this.#process === undefined || this.#process.ended) this.#opened = undefined;
    this.#opened ??= this.#begin().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async #begin(): Promise<TokenProcess> {
    const { token, object, module } = this.#place;
    const pin = this.#pin();
    const pinHash = createHash('sha256').update(pin).digest('hex');
    // Tokens lock themselves after a few wrong ones.
    // guard: pkcs11-pin
    if (pinHash === this.#refusedPin) throw this.#unavailable('pin');
    const child = new TokenProcess();
    this.#process = child;
    const answer = await child.ask({ act: 'open', module, token, object, pin }, this.#times.openMs);
    pin.fill(0);
    const { error, manufacturer } = answer;
    if (error === 'pin') this.#refusedPin = pinHash;
    if (error !== undefined) {
      child.end();
      throw this.#unavailable(error);
    }
    this.#standIn =
      typeof manufacturer === 'string' && SOFTHSM.test(manufacturer)
        ? 'SoftHSM: a token in files, and no hardware'
        : undefined;
    return child;
  }

  #pin(): Buffer {
    try {
      return readPin(this.#place, this.#files);
    } catch (error) {
      throw error instanceof RootKeyRefused ? this.#unavailable(error.message) : error;
    }
  }

  #unavailable(why: string): RootKeyFault {
    return new RootKeyFault('unavailable', `the token ${this.#place.token}: ${WHY[why] ?? why}`);
  }

  #wrong(): RootKeyFault {
    return new RootKeyFault('wrong_key', `a wrapped key is not one of ${this.kid}, or not one of this row`);
  }
}

/** @throws {RootKeyRefused} */
function readPin({ pinFile }: TokenPlace, files: PrivatePlace): Buffer {
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
  const place = tokenPlace(uri);
  if (!isBindingBuilt())
    throw new RootKeyRefused(
      'BULLA_ROOT_KEY: what speaks PKCS#11 is not built here; build it with: npm run build:token',
    );
  readPin(place, files).fill(0);
  return new Pkcs11RootKey(place, files);
}
