import { decodeUtf8 } from '@bulla/crypto';
import { BullaError, checked, transportFailed } from './errors.js';
import { PROBLEM_MAX_BYTES, refusalOf } from './refusal.js';
import { readBytes } from './response-bytes.js';

const DOCUMENT_MAX_BYTES = 6 * 1024 * 1024;
const TIMEOUT_MS = 15_000;

/** Reads an organisation's public documents, and brings them. They carry their own signatures, so nothing else about the answer counts. */
export class PublicReader {
  readonly #fetch: typeof fetch;

  constructor(fetcher: typeof fetch) {
    this.#fetch = fetcher;
  }

  /**
   * The text at a URL, or undefined where there is none.
   * @throws {BullaError} transport_failed; token_malformed if it is no UTF-8
   */
  async read(url: URL): Promise<string | undefined> {
    const response = await this.#ask(url, {});
    if (response.status !== 200) await response.body?.cancel();
    if (response.status === 404) return undefined;
    if (response.status !== 200)
      throw transportFailed(`the vault at ${url.origin} answered ${response.status} to a public document`);
    const bytes = await readBytes(response, DOCUMENT_MAX_BYTES);
    return checked(() => decodeUtf8(bytes));
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
    if (!response.ok) throw refusalOf(response, answer, false);
  }

  async #ask(url: URL, init: RequestInit): Promise<Response> {
    try {
      return await this.#fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch (cause) {
      throw cause instanceof BullaError
        ? cause
        : transportFailed(`cannot reach the vault at ${url.origin}; is it running?`, { cause });
    }
  }
}
