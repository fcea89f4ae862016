import { decodeUtf8 } from '@bulla/crypto';
import { pause, retryAFewTimes } from './backoff.js';
import { BullaError, checked, transportFailed } from './errors.js';
import { PROBLEM_MAX_BYTES, refusalOf } from './refusal.js';
import { readBytes } from './response-bytes.js';
import { unreachable } from './unreachable.js';

const DOCUMENT_MAX_BYTES = 6 * 1024 * 1024;
const TIMEOUT_MS = 15_000;
/** What a service answers that has too much to do just now. */
const BUSY: ReadonlySet<number> = new Set([429, 503]);
const RETRIES = 3;

/** Reads an organisation's public documents, and brings them. They carry their own signatures, so nothing else about the answer counts. */
export class PublicReader {
  readonly #fetch: typeof fetch;

  constructor(fetcher: typeof fetch) {
    this.#fetch = fetcher;
  }

  /**
   * The text at a URL, or undefined where there is none. A vault that is busy is asked again, a few times.
   * @throws {BullaError} transport_failed; token_malformed if it is no UTF-8
   */
  async read(url: URL): Promise<string | undefined> {
    for (let attempt = 0; ; attempt++) {
      const response = await this.#ask(url, {});
      const { status } = response;
      if (status === 200) {
        const bytes = await readBytes(response, DOCUMENT_MAX_BYTES);
        return checked(() => decodeUtf8(bytes));
      }
      await response.body?.cancel();
      if (status === 404) return undefined;
      const refusal = transportFailed(`the vault at ${url.origin} answered ${status} to a public document`, { status });
      // By our own measure: how long to wait, nobody has signed.
      const wait = BUSY.has(status) ? retryAFewTimes(refusal, attempt, RETRIES) : undefined;
      if (wait === undefined) throw refusal;
      await pause(wait, undefined);
    }
  }

  /**
   * Whether there is another document at a URL than the one of this entity tag, whatever it is: one request, and no body
   * is read. Nobody signed the answer.
   * @throws {BullaError} transport_failed
   */
  async hasOther(url: URL, tag: string): Promise<boolean> {
    // No cache between answers for the vault.
    const response = await this.#ask(url, { headers: { 'if-none-match': tag }, cache: 'no-store' });
    await response.body?.cancel();
    return response.status !== 304;
  }

  /**
   * Brings what carries its own signatures. What comes back is a hint: nobody signed it.
   * @throws {BullaError} transport_failed, with what the answer says
   */
  async send(url: URL, body: object): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const response = await this.#ask(url, { method: 'POST', headers, body: JSON.stringify(body) });
    const answer = await readBytes(response, PROBLEM_MAX_BYTES);
    if (!response.ok) throw refusalOf(response, answer, undefined);
  }

  async #ask(url: URL, init: RequestInit): Promise<Response> {
    try {
      return await this.#fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch (cause) {
      throw cause instanceof BullaError ? cause : unreachable(`the vault at ${url.origin}`, cause);
    }
  }
}
