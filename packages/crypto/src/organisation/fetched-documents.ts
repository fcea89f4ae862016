import { readDirectoryHead } from './directory.js';
import type { DirectoryHashes } from './directory-chain.js';
import { fetchHashes } from './directory-chain.js';
import { verifyRootChain } from './root.js';
import type { TrustDocuments } from './trust-documents.js';
import type { TrustMemory } from './trust-memory.js';

/** What a vault serves of an organisation to everybody. */
export type DocumentName =
  | `root/${number}.json`
  | 'policy.json'
  | 'directory.json'
  | 'fresh.json'
  | 'restored.json'
  | `directory/hashes?from=${number}`;

/** Whose documents these are, the pin to verify them by, and how the caller reads from a vault. */
export interface DocumentsSource {
  readonly org: string;
  /** `sha256:` and 64 hexadecimal digits, obtained out of band. */
  readonly pin: string;
  /**
   * The text at a path of the vault; undefined where there is none.
   * @param bytesMax a longer text is no such document: the reader may stop there, and parsing refuses it in any case.
   */
  readonly read: (path: string, bytesMax: number) => Promise<string | undefined>;
  /** The words of renewers in the text that is served of them; it refuses what has another form. */
  readonly parseWords: (text: string) => readonly string[] | Promise<readonly string[]>;
}

/** A payload of 64 KiB in base64url, with its signatures (docs/spec/root.md). */
const ROOT_BYTES_MAX = 128 * 1024;
const DOCUMENT_BYTES_MAX = 6 * 1024 * 1024;
/** A thousand hashes. */
const HASHES_BYTES_MAX = 64 * 1024;
/** Sixteen words of renewers. */
const WORDS_BYTES_MAX = 160 * 1024;
/** More new roots at once than any organisation makes in a century. */
const NEW_ROOTS_MAX = 128;

/** Where a vault serves a document, below its own address. */
export function documentPath(org: string, name: DocumentName): string {
  return `/.well-known/bulla/${org}/${name}`;
}

/**
 * Reads the newest documents of an organisation from a vault, whose word for them is worth nothing: roots are verified
 * as they come, in the rest the caller establishes trust (protocol.md §4).
 * @param known the chain of roots that is known, to which newer ones are added.
 * @returns undefined if the vault has no root, no policy or no directory
 * @throws {CryptoError} as verifyRootChain, at the first root that is not the organisation's; what the source throws
 */
export async function fetchDocuments(
  source: DocumentsSource,
  known: readonly string[],
): Promise<TrustDocuments | undefined> {
  const { org, read, parseWords } = source;
  const roots = await fetchRoots(source, known);
  // Before the directory: a newer one needs no word yet, and a word of a newer one would be of no use to the older.
  const words = await read(documentPath(org, 'fresh.json'), WORDS_BYTES_MAX);
  // A vault from before there were renewers has nothing there.
  const fresh = words === undefined ? [] : await parseWords(words);
  const directory = await read(documentPath(org, 'directory.json'), DOCUMENT_BYTES_MAX);
  const policy = await read(documentPath(org, 'policy.json'), DOCUMENT_BYTES_MAX);
  if (roots.length === 0 || directory === undefined || policy === undefined) return undefined;
  // A root was published between two of these requests. Its policy is of use with its directory alone.
  // guard: documents-roots-again
  if (readDirectoryHead(directory).root_version > roots.length)
    return { roots: await fetchRoots(source, roots), policy, directory, fresh };
  return { roots, policy, directory, fresh };
}

/** The chain that is known, and those that the vault has after it. */
async function fetchRoots({ org, pin, read }: DocumentsSource, known: readonly string[]): Promise<string[]> {
  const roots = [...known];
  while (roots.length < known.length + NEW_ROOTS_MAX) {
    const next = await read(documentPath(org, `root/${roots.length + 1}.json`), ROOT_BYTES_MAX);
    if (next === undefined) break;
    roots.push(next);
    // Root by root: a lying vault is left at its first lie, with one small document, and nothing more is asked of it.
    // guard: documents-pin
    // guard: client-root-by-root
    await verifyRootChain(roots, { org, pin });
  }
  return roots;
}

/**
 * Reads the hashes of the directories between those that were seen and the newest, if any lie between.
 * @param seen what is remembered of directories; `[undefined]` asks for all that ever were.
 * @param directory the newest, which nobody has verified yet.
 * @throws {CryptoError} as readDirectoryHead and fetchHashes; what the source throws
 */
export async function fetchHashesBetween(
  source: Pick<DocumentsSource, 'org' | 'read'>,
  seen: readonly (TrustMemory | undefined)[],
  directory: string,
): Promise<DirectoryHashes | undefined> {
  return fetchHashes(seen, readDirectoryHead(directory), (from) => readHashPage(source, from));
}

/** One page of the hashes of all directories, as text; undefined where there is none. */
export function readHashPage(
  { org, read }: Pick<DocumentsSource, 'org' | 'read'>,
  from: number,
): Promise<string | undefined> {
  return read(documentPath(org, `directory/hashes?from=${from}`), HASHES_BYTES_MAX);
}
