import type { TlsFault } from '@bulla/contract';
import { DirectoryFreshness, tlsFaultOf } from '@bulla/contract';
import type { DocumentsSource, TrustDocuments } from '@bulla/crypto';
import { decodeUtf8, fetchDocuments } from '@bulla/crypto';

const TIMEOUT_MS = 5_000;

/** A vault did not serve the documents; nothing is known against them. */
export class DocumentsUnavailable extends Error {
  override readonly name = 'DocumentsUnavailable';
  readonly code: 'no_connection' | `tls_${TlsFault}` | 'bad_status' | 'too_large' | 'missing' | 'malformed';

  constructor(code: DocumentsUnavailable['code']) {
    super(`the vault did not serve the documents of the organisation: ${code}`);
    this.code = code;
  }
}

/** Whose documents, where they are served, and by what they are known. */
export interface DocumentsPlace {
  readonly org: string;
  readonly pin: string;
  /** Base URL. */
  readonly vaultUrl: string;
}

/** The vault as the common code reads it: no longer than a document may be, for every document its own length. */
export function documentsSource({ org, pin, vaultUrl }: DocumentsPlace): DocumentsSource {
  const base = vaultUrl.replace(/\/+$/, '');
  return { org, pin, read: (path, bytesMax) => fetchDocument(`${base}${path}`, bytesMax), parseWords };
}

/**
 * Reads the newest documents of an organisation, and takes none of them for true yet.
 * @param roots the chain that is known, to which newer ones are added.
 * @throws {DocumentsUnavailable}
 * @throws {CryptoError} as fetchDocuments
 */
export async function fetchServed(source: DocumentsSource, roots: readonly string[]): Promise<TrustDocuments> {
  const documents = await fetchDocuments(source, roots);
  if (documents === undefined) throw new DocumentsUnavailable('missing');
  return documents;
}

function parseWords(text: string): readonly string[] {
  const served = DirectoryFreshness.safeParse(parseJson(text));
  // guard: documents-words without: return served.data?.fresh ?? [];
  if (!served.success) throw new DocumentsUnavailable('malformed');
  return served.data.fresh;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The document at an address, undefined if there is none. A kept connection may end just as it is used: tried twice. */
async function fetchDocument(url: string, bytesMax: number): Promise<string | undefined> {
  return fetchOnce(url, bytesMax).catch((error: unknown) => {
    if (error instanceof DocumentsUnavailable && error.code === 'no_connection') return fetchOnce(url, bytesMax);
    throw error;
  });
}

async function fetchOnce(url: string, bytesMax: number): Promise<string | undefined> {
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (response.status === 404) {
      await response.body?.cancel();
      return undefined;
    }
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new DocumentsUnavailable('bad_status');
    }
    return await readText(response, bytesMax);
  } catch (error) {
    if (error instanceof DocumentsUnavailable) throw error;
    const fault = tlsFaultOf(error);
    throw new DocumentsUnavailable(fault === undefined ? 'no_connection' : `tls_${fault}`);
  }
}

async function readText(response: Response, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels the rest.
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    // guard: documents-size
    if (length > bytesMax) throw new DocumentsUnavailable('too_large');
    chunks.push(chunk);
  }
  return decodeUtf8(new Uint8Array(Buffer.concat(chunks)));
}
