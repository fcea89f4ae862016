import { transportFailed } from './errors.js';
import { readBytes } from './response-bytes.js';

const DOCUMENT_MAX_BYTES = 6 * 1024 * 1024;
const TIMEOUT_MS = 15_000;

/** Reads an organisation's public documents. They carry their own signatures, so nothing else about the answer counts. */
export class PublicReader {
  readonly #fetch: typeof fetch;

  constructor(fetcher: typeof fetch) {
    this.#fetch = fetcher;
  }

  /** The text at a URL, or undefined where there is none. */
  async read(url: URL): Promise<string | undefined> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    let response: Response;
    try {
      response = await this.#fetch(url, { redirect: 'error', signal });
    } catch (cause) {
      throw transportFailed(`cannot reach the vault at ${url.origin}; is it running?`, { cause });
    }
    if (response.status === 404) return undefined;
    if (response.status !== 200) throw transportFailed(`the vault at ${url.origin} answered ${response.status} to a public document`);
    return new TextDecoder().decode(await readBytes(response, DOCUMENT_MAX_BYTES));
  }
}
