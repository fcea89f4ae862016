import { DirectoryFreshness } from '@bulla/contract';
import type { DirectoryHashes, TrustDocuments, TrustMemory } from '@bulla/crypto';
import { decodeUtf8, fetchHashes, readDirectoryHead, verifyRootChain } from '@bulla/crypto';

const TIMEOUT_MS = 5_000;
/** A payload of 64 KiB in base64url, with its signatures (docs/spec/root.md). */
const ROOT_BYTES_MAX = 128 * 1024;
const DOCUMENT_BYTES_MAX = 6 * 1024 * 1024;
/** A thousand hashes. */
const HASHES_BYTES_MAX = 64 * 1024;
/** Sixteen words of renewers. */
const WORDS_BYTES_MAX = 160 * 1024;
/** More new roots at once than any organisation makes in a century. */
const NEW_ROOTS_MAX = 128;

/** A vault did not serve the documents; nothing is known against them. */
export class DocumentsUnavailable extends Error {
  override readonly name = 'DocumentsUnavailable';
  readonly code: 'no_connection' | 'bad_status' | 'too_large' | 'missing' | 'malformed';

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

/**
 * Reads the newest documents of an organisation from a vault, whose word for them is worth nothing: the caller
 * establishes trust in them by its pin (protocol.md §4).
 * @param roots the chain that is known, to which newer ones are added.
 * @throws {DocumentsUnavailable}
 * @throws {CryptoError} as verifyRootChain, at the first root that is none of the organisation's
 */
export async function fetchDocuments(place: DocumentsPlace, roots: readonly string[]): Promise<TrustDocuments> {
  const base = baseOf(place);
  const chain = [...roots];
  while (chain.length < roots.length + NEW_ROOTS_MAX) {
    const root = await fetchDocument(`${base}/root/${chain.length + 1}.json`, ROOT_BYTES_MAX);
    if (root === undefined) break;
    chain.push(root);
    // Each as it comes, so that a lying vault is left at its first lie, with one small document.
    // guard: documents-pin
    await verifyRootChain(chain, place);
  }
  // Before the directory: a newer one needs no word yet, and a word of a newer one would be of no use to the older.
  const fresh = await fetchWords(base);
  const directory = await fetchDocument(`${base}/directory.json`, DOCUMENT_BYTES_MAX);
  const policy = await fetchDocument(`${base}/policy.json`, DOCUMENT_BYTES_MAX);
  if (chain.length === 0 || directory === undefined || policy === undefined) throw new DocumentsUnavailable('missing');
  return { roots: chain, policy, directory, fresh };
}

/** What renewers say of the directory; a vault from before there were any has nothing there. */
async function fetchWords(base: string): Promise<readonly string[]> {
  const text = await fetchDocument(`${base}/fresh.json`, WORDS_BYTES_MAX);
  if (text === undefined) return [];
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

/**
 * Reads the hashes of the directories between those that were seen and the newest, if any lie between.
 * @throws {DocumentsUnavailable}
 * @throws {CryptoError} as readDirectoryHead and fetchHashes
 */
export function fetchHashesBetween(
  place: DocumentsPlace,
  seen: readonly (TrustMemory | undefined)[],
  directory: string,
): Promise<DirectoryHashes | undefined> {
  const read = (from: number) => fetchDocument(`${baseOf(place)}/directory/hashes?from=${from}`, HASHES_BYTES_MAX);
  return fetchHashes(seen, readDirectoryHead(directory), read);
}

function baseOf({ vaultUrl, org }: DocumentsPlace): string {
  return `${vaultUrl.replace(/\/+$/, '')}/.well-known/bulla/${org}`;
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
    throw error instanceof DocumentsUnavailable ? error : new DocumentsUnavailable('no_connection');
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
