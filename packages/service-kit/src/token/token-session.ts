import { createHash } from 'node:crypto';
import { TokenFault } from './token-fault.js';
import type { TokenKeyType, TokenPlace } from './token-place.js';
import type { TokenAnswer } from './token-process.js';
import { TokenProcess } from './token-process.js';

const SOFTHSM = /softhsm/i;
const ENDED = 'token_ended';

/** How long a process of a token may take. */
export interface TokenTimes {
  readonly openMs: number;
  readonly askMs: number;
  /** After one that did not open nothing is asked for so long, and the answer is the same. */
  readonly restMs?: number;
}

/** A process begins, loads a library and logs in; then it is asked. */
export const TOKEN_TIMES: TokenTimes = { openMs: 10_000, askMs: 5_000 };

type Ask = (question: object) => Promise<TokenAnswer>;

/** Of one key of a token. */
export interface TokenSessionParts {
  readonly place: TokenPlace;
  readonly keyType: TokenKeyType;
  /** Read for each process; the bytes are wiped. */
  readonly readPin: () => Buffer | Promise<Buffer>;
  readonly times: TokenTimes;
  /** Asks a process that has just begun, before anybody else does; throws where it is not to be asked. */
  readonly prove?: (ask: Ask) => Promise<void>;
}

/**
 * Asks one key of a token (PKCS#11). One process answers one question after the other; a failed one is ended, and the
 * next question begins a new one, as after a restart of the token.
 */
export class TokenSession {
  readonly #parts: TokenSessionParts;
  #process: TokenProcess | undefined;
  #opened: Promise<TokenProcess> | undefined;
  #failed: { readonly untilMs: number; readonly opening: Promise<TokenProcess> } | undefined;
  #refusedPin: string | undefined;
  #standIn: string | undefined;

  constructor(parts: TokenSessionParts) {
    this.#parts = parts;
  }

  /** Where it is no token that would be used in production: what people are told of it. Known once it was asked something. */
  get standIn(): string | undefined {
    return this.#standIn;
  }

  /**
   * Asks once more where the process ended meanwhile: nothing that is asked of a token changes it.
   * @throws {TokenFault}; what reading the PIN throws
   */
  async ask(question: object): Promise<TokenAnswer> {
    const child = await this.#open();
    try {
      return await this.#askOf(child, question);
    } catch (error) {
      if (!(error instanceof TokenFault) || error.code !== ENDED) throw error;
      return this.#askOf(await this.#open(), question);
    }
  }

  /** Ends its process. What is asked of it later begins another. */
  end(): void {
    this.#process?.end();
  }

  async #askOf(child: TokenProcess, question: object): Promise<TokenAnswer> {
    const answer = await child.ask(question, this.#parts.times.askMs);
    if (answer.error === undefined) return answer;
    child.end();
    throw this.#fault(answer.error);
  }

  #open(): Promise<TokenProcess> {
    if (this.#process?.ended === true) {
      this.#process = undefined;
      this.#opened = undefined;
    }
    if (this.#opened !== undefined) return this.#opened;
    if (this.#failed !== undefined && performance.now() < this.#failed.untilMs) return this.#failed.opening;
    const opening = this.#begin();
    this.#opened = opening;
    opening.catch(() => {
      if (this.#opened === opening) this.#opened = undefined;
      this.#failed = { untilMs: performance.now() + (this.#parts.times.restMs ?? 0), opening };
    });
    return opening;
  }

  async #begin(): Promise<TokenProcess> {
    const { place, keyType, readPin, times, prove } = this.#parts;
    const { token, object, module } = place;
    const pin = await readPin();
    const pinHash = createHash('sha256').update(pin).digest('hex');
    // Tokens lock themselves after a few wrong ones.
    // guard: pkcs11-pin
    if (pinHash === this.#refusedPin) throw this.#fault('pin');
    const child = new TokenProcess();
    this.#process = child;
    const answer = await child.ask({ act: 'open', module, token, object, keyType, pin }, times.openMs);
    pin.fill(0);
    const { error, manufacturer } = answer;
    if (error === 'pin') this.#refusedPin = pinHash;
    if (error !== undefined) {
      child.end();
      throw this.#fault(error);
    }
    this.#standIn =
      typeof manufacturer === 'string' && SOFTHSM.test(manufacturer)
        ? 'SoftHSM: a token in files, and no hardware'
        : undefined;
    try {
      await prove?.((question) => this.#askOf(child, question));
    } catch (refusal) {
      child.end();
      throw refusal;
    }
    return child;
  }

  #fault(word: string): TokenFault {
    return new TokenFault(word, this.#parts.place);
  }
}
