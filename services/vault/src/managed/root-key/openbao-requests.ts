import type { OpenBaoPlace } from './openbao-place.js';
import type { PrivatePlace } from './private-file.js';
import { readPrivateFile } from './private-file.js';
import { RootKeyFault, RootKeyRefused } from './root-key-provider.js';

/** Of one try; with the second one a request of a client is not late yet. */
const TIMEOUT_MS = 4_000;
const TRIES = 2;
const PAUSE_MS = 150;
const ANSWER_BYTES_MAX = 65_536;
const TOKEN = /^[!-~]{1,2048}$/;

/** What came of one try: what was answered, or why it may be worth another. */
type Outcome = { readonly data: Record<string, unknown> } | { readonly again: RootKeyFault };

/** Requests to OpenBao: with a token from a file, a time-out, and once more where it may help. */
export class OpenBaoRequests {
  readonly #place: OpenBaoPlace;
  readonly #files: PrivatePlace;
  readonly #closing = new AbortController();
  readonly #timeoutMs: number;

  constructor(place: OpenBaoPlace, files: PrivatePlace, timeoutMs: number = TIMEOUT_MS) {
    this.#place = place;
    this.#files = files;
    this.#timeoutMs = timeoutMs;
    readToken(place, files);
  }

  /**
   * @returns `data` of the answer
   * @throws {RootKeyFault} wrong_key where a decryption is refused as such; else unavailable
   */
  async post(act: 'encrypt' | 'decrypt', url: string, body: object): Promise<Record<string, unknown>> {
    for (let tries = 1; ; tries += 1) {
      const outcome = await this.#try(act, url, body);
      if ('data' in outcome) return outcome.data;
      if (tries === TRIES || this.#closing.signal.aborted) throw outcome.again;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  close(): void {
    this.#closing.abort();
  }

  /** Something answered, and not what it should. */
  strange(): RootKeyFault {
    return this.#unavailable('answered something else than its interface says');
  }

  async #try(act: 'encrypt' | 'decrypt', url: string, body: object): Promise<Outcome> {
    const { namespace } = this.#place;
    // Read each time: what renews the token writes the file anew.
    const headers = {
      'content-type': 'application/json',
      'x-vault-token': this.#token(),
      'x-vault-request': 'true',
      ...(namespace !== undefined && { 'x-vault-namespace': namespace }),
    };
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(this.#timeoutMs)]);
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
        redirect: 'error', // guard: openbao-redirect without: redirect: 'follow'
        signal,
      });
      const text = await textOf(response);
      const data = response.status === 200 ? dataOf(text) : undefined;
      if (response.status === 200 && data === undefined) throw this.strange();
      return data === undefined ? this.#refused(act, response) : { data };
    } catch (error) {
      if (error instanceof RootKeyFault) throw error;
      const isLate = error instanceof DOMException && error.name === 'TimeoutError';
      return {
        again: this.#unavailable(isLate ? `did not answer within ${this.#timeoutMs / 1000} s` : 'cannot be reached'),
      };
    }
  }

  #refused(act: 'encrypt' | 'decrypt', { status }: Response): Outcome {
    // The ciphertext is of another key or version, or was moved: its answer does not say more, and neither do we.
    // guard: openbao-wrong-key
    if (status === 400 && act === 'decrypt')
      throw new RootKeyFault('wrong_key', `a wrapped key is not one of ${this.#place.path}, or not one of this row`);
    if (status === 403)
      return { again: this.#unavailable('refused the token: it has run out, or its policy is another') };
    if (status >= 500 || status === 429) return { again: this.#unavailable(`answered ${status}`) };
    throw this.#unavailable(`answered ${status}: is there a transit key of type aes256-gcm96 of that name?`);
  }

  #unavailable(what: string): RootKeyFault {
    return new RootKeyFault('unavailable', `OpenBao (${this.#place.path}) ${what}`);
  }

  /** @throws {RootKeyFault} unavailable */
  #token(): string {
    try {
      return readToken(this.#place, this.#files);
    } catch (error) {
      throw error instanceof RootKeyRefused ? this.#unavailable(`cannot be asked: ${error.message}`) : error;
    }
  }
}

/** @throws {RootKeyRefused} */
function readToken({ tokenFile }: OpenBaoPlace, files: PrivatePlace): string {
  const bytes = readPrivateFile(tokenFile, files);
  if (bytes === undefined) throw new RootKeyRefused(`${tokenFile}: there is no file with a token of OpenBao`);
  const token = bytes.toString('latin1').trim();
  bytes.fill(0);
  if (!TOKEN.test(token)) throw new RootKeyRefused(`${tokenFile}: not a token of OpenBao`);
  return token;
}

async function textOf(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body ?? []) {
    length += piece.length;
    // guard: openbao-answer-size
    if (length > ANSWER_BYTES_MAX) throw new Error('the answer is too long');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function dataOf(text: string): Record<string, unknown> | undefined {
  try {
    const { data } = JSON.parse(text) as { data?: unknown };
    return typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
