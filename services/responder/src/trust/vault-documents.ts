import type { TrustDocuments } from '@bulla/crypto';
import { decodeUtf8 } from '@bulla/crypto';

const TIMEOUT_MS = 5_000;
const DOCUMENT_BYTES_MAX = 6 * 1024 * 1024;
/** More new roots at once than any organisation makes in a century. */
const NEW_ROOTS_MAX = 128;

/** A vault did not serve the documents; nothing is known against them. */
export class DocumentsUnavailable extends Error {
  override readonly name = 'DocumentsUnavailable';
  readonly code: 'no_connection' | 'bad_status' | 'too_large' | 'missing';

  constructor(code: DocumentsUnavailable['code']) {
    super(`the vault did not serve the documents of the organisation: ${code}`);
    this.code = code;
  }
}

/**
 * Reads the newest documents of an organisation from a vault, whose word for them is worth nothing: the caller
 * establishes trust in them by its pin (main-job.md M4, M15).
 * @param vaultUrl base URL.
 * @param roots the chain that is known, to which newer ones are added.
 * @throws {DocumentsUnavailable}
 */
export async function fetchDocuments(vaultUrl: string, org: string, roots: readonly string[]): Promise<TrustDocuments> {
  const base = `${vaultUrl.replace(/\/+$/, '')}/.well-known/bulla/${org}`;
  const chain = [...roots];
  while (chain.length < roots.length + NEW_ROOTS_MAX) {
    const root = await fetchDocument(`${base}/root/${chain.length + 1}.json`);
    if (root === undefined) break;
    chain.push(root);
  }
  const directory = await fetchDocument(`${base}/directory.json`);
  const policy = await fetchDocument(`${base}/policy.json`);
  if (chain.length === 0 || directory === undefined || policy === undefined) throw new DocumentsUnavailable('missing');
  return { roots: chain, policy, directory };
}

/** The document at an address, undefined if there is none. */
async function fetchDocument(url: string): Promise<string | undefined> {
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
    return await readText(response);
  } catch (error) {
    throw error instanceof DocumentsUnavailable ? error : new DocumentsUnavailable('no_connection');
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels the rest.
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > DOCUMENT_BYTES_MAX) throw new DocumentsUnavailable('too_large');
    chunks.push(chunk);
  }
  return decodeUtf8(new Uint8Array(Buffer.concat(chunks)));
}
