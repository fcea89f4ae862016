import { DirectoryFreshness } from '@bulla/contract';
import type { DirectoryHashes, DocumentName, DocumentsSource, Trust, TrustDocuments, TrustMemory } from '@bulla/crypto';
import {
  documentPath,
  fetchDocuments,
  fetchHashesBetween,
  readHashes,
  readHashPage,
  strictParseBody,
  utf8,
} from '@bulla/crypto';
import type { BullaError } from '../connection/errors.js';
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

const FRESH_BYTES_MAX = 256 * 1024;

/**
 * Reads the chains from what is known on, and the newest policy and directory, which nobody has verified yet.
 * @param known roots that were verified before
 * @param memory what is remembered of directories
 * @throws {BullaError} not_found; pin_mismatch, signature_invalid, … at the first root that is not the organisation's
 */
export async function readServed(
  place: DocumentsPlace,
  known: readonly string[],
  memory: TrustMemory | undefined,
): Promise<Served> {
  return checked(async () => {
    const source = sourceOf(place);
    const documents = await fetchDocuments(source, known);
    if (documents === undefined) throw noSuchOrganisation(place.org);
    return { documents, hashes: await fetchHashesBetween(source, [memory], documents.directory) };
  });
}

/** The text of one document; undefined where there is none. */
export function readDocument(
  { org, reader, vaultUrl }: DocumentsPlace,
  name: DocumentName,
): Promise<string | undefined> {
  return reader.read(urlUnder(vaultUrl, documentPath(org, name)));
}

/** Whether a vault serves another directory than this one, by its version: it answers 304 without a body where it does not. */
export function servesOther({ org, reader, vaultUrl }: DocumentsPlace, { directoryRef }: Trust): Promise<boolean> {
  return reader.hasOther(urlUnder(vaultUrl, documentPath(org, 'directory.json')), `"${directoryRef.ver}"`);
}

/** The hashes of all directories, which nobody has verified. */
export function readAllHashes(place: DocumentsPlace): Promise<readonly string[]> {
  const source = sourceOf(place);
  return checked(() => readHashes(1, Number.MAX_SAFE_INTEGER, (from) => readHashPage(source, from)));
}

/** A vault that has no documents of an organisation. */
export function noSuchOrganisation(org: string): BullaError {
  return bullaError('not_found', {
    message: `the vault has no organisation ${org}`,
    origin: 'client',
    status: 404,
    details: { kind: 'organisation', org },
  });
}

/** The reader has one limit for all documents: what is too long for what it is, is refused by name where it is parsed. */
function sourceOf({ org, pin, reader, vaultUrl }: DocumentsPlace): DocumentsSource {
  return { org, pin, read: (path) => reader.read(urlUnder(vaultUrl, path)), parseWords };
}

function parseWords(text: string): readonly string[] {
  const read = DirectoryFreshness.safeParse(strictParseBody(utf8(text), { maxBytes: FRESH_BYTES_MAX }));
  if (!read.success) throw transportFailed('the answer does not have the form it should have');
  return read.data.fresh;
}
