import { DirectoryFreshness } from '@bulla/contract';
import type { DirectoryHashes, Trust, TrustDocuments, TrustMemory } from '@bulla/crypto';
import { fetchHashes, readDirectoryHead, strictParseBody, utf8, verifyRootChain } from '@bulla/crypto';
import { bullaError, checked, transportFailed } from '../connection/errors.js';
import type { PublicReader } from '../connection/public-reader.js';
import { urlUnder } from '../connection/url-under.js';

/** Whose documents, where they are served, and by what they are known. */
export interface DocumentsPlace {
  readonly org: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly pin: string;
  readonly vaultUrl: URL;
  readonly reader: PublicReader;
}

/** What a vault served: nothing of it is believed yet. */
export interface Served {
  readonly documents: TrustDocuments;
  readonly hashes: DirectoryHashes | undefined;
}

/**
 * Reads the chains from what is known on, and the newest policy and directory, which nobody has verified yet.
 * @param known roots that were verified before
 * @param memory what is remembered of directories
 * @throws {BullaError} not_found; pin_mismatch, signature_invalid, … at the first root that is none of the organisation's
 */
export async function readServed(
  place: DocumentsPlace,
  known: readonly string[],
  memory: TrustMemory | undefined,
): Promise<Served> {
  const { org, pin, reader, vaultUrl } = place;
  const at = (name: string) => urlUnder(vaultUrl, `/.well-known/bulla/${org}/${name}`);
  const roots = [...known];
  for (;;) {
    const next = await reader.read(at(`root/${roots.length + 1}.json`));
    if (next === undefined) break;
    roots.push(next);
    // Root by root: nothing more is asked of a vault that serves another root than the pinned, or roots without end.
    // guard: client-root-by-root
    await checked(() => verifyRootChain(roots, { org, pin }));
  }
  const [directory, policy] = [await reader.read(at('directory.json')), await reader.read(at('policy.json'))];
  if (roots.length === 0 || directory === undefined || policy === undefined) {
    throw bullaError('not_found', {
      message: `the vault has no organisation ${org}`,
      origin: 'client',
      status: 404,
      details: { kind: 'organisation', org },
    });
  }
  const fresh = await readFresh(reader, at('fresh.json'));
  const head = await checked(async () => readDirectoryHead(directory));
  const hashes = await checked(() => fetchHashes([memory], head, (from) => readHashPage(place, from)));
  return { documents: { roots, policy, directory, fresh }, hashes };
}

/** Whether a vault serves another directory than this one, by its version: it answers 304 without a body where it does not. */
export function servesOther({ org, reader, vaultUrl }: DocumentsPlace, { directoryRef }: Trust): Promise<boolean> {
  return reader.hasOther(urlUnder(vaultUrl, `/.well-known/bulla/${org}/directory.json`), `"${directoryRef.ver}"`);
}

/** Reads one page of the hashes of all directories. */
export function readHashPage({ org, reader, vaultUrl }: DocumentsPlace, from: number): Promise<string | undefined> {
  return reader.read(urlUnder(vaultUrl, `/.well-known/bulla/${org}/directory/hashes?from=${from}`));
}

/** What renewers say of the directory; a vault of before knows of none. */
async function readFresh(reader: PublicReader, url: URL): Promise<readonly string[]> {
  const text = await reader.read(url);
  if (text === undefined) return [];
  const read = DirectoryFreshness.safeParse(
    await checked(async () => strictParseBody(utf8(text), { maxBytes: FRESH_BYTES_MAX })),
  );
  if (!read.success) throw transportFailed('the answer does not have the form it should have');
  return read.data.fresh;
}
const FRESH_BYTES_MAX = 256 * 1024;
