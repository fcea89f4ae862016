import * as z from '#zod';
import { concatBytes, decodeBase64url, digestB64u, utf8 } from '../encoding/bytes.js';
import { hashSchema } from '../tokens/claims.js';
import type { DirectoryDocument, DirectoryHead } from './directory.js';
import { FIRST_CHAIN } from './directory.js';
import type { ParsedDocument } from '../tokens/document.js';
import { CryptoError } from '../names/errors.js';
import { checkShape } from '../encoding/schema.js';
import { strictParse } from '../encoding/strict-parse.js';
import type { SeenDirectory, TrustMemory } from './trust-memory.js';

/** Hashes of directory payloads one version after the other, as a vault serves them. */
export interface DirectoryHashes {
  /** Version of the first. */
  readonly from: number;
  readonly hashes: readonly string[];
}

/**
 * `chain` of a directory: SHA-256 of two raw 32-byte values, `chain` and payload hash of the version before
 * (docs/spec/directory.md). All three in base64url.
 */
export function nextChain(chain: string, hash: string): Promise<string> {
  return digestB64u(concatBytes(decodeBase64url(chain), decodeBase64url(hash)));
}

/**
 * `chain` as it stands some versions on.
 * @param chain of the version whose hash comes first
 * @param hashes of that version and of those after it, in order
 */
export async function foldChain(chain: string, hashes: readonly string[]): Promise<string> {
  let folded = chain;
  for (const hash of hashes) folded = await nextChain(folded, hash);
  return folded;
}

/**
 * Checks that a directory stands at the end of the chain on which another one was seen, however many versions lie
 * between: their hashes are folded, the documents are neither fetched nor judged.
 * @param seen what was seen last; undefined at first contact
 * @param next the verified directory
 * @param given hashes of the versions from the one seen on, or from 1 on where none, or no `chain`, was seen
 * @returns the hashes of the versions from the one seen, or from 1 on, to the one before it
 * @throws {CryptoError} trust_rollback
 */
export async function verifyChain(
  seen: SeenDirectory | undefined,
  { version, chain, prev }: Pick<DirectoryHead, 'version' | 'chain' | 'prev'>,
  given?: DirectoryHashes,
): Promise<readonly string[]> {
  const between = hashesBetween(firstNeeded(seen), version, seen, given);
  // guard: chain-fold
  if ((await foldChain(seen?.chain ?? FIRST_CHAIN, between)) !== chain)
    throw broken('the directory is not of the chain that was seen');
  // guard: chain-prev
  if (between.length > 0 && between.at(-1) !== prev)
    throw broken('the directory names another one before it than its chain does');
  return between;
}

/**
 * As {@link verifyChain}, from all that a party remembers. A first contact asks nothing of the chain unless hashes are
 * given: evidence has none.
 * @returns the hashes of all versions before the directory, if they are known
 * @throws {CryptoError} trust_rollback
 */
export async function continueChain(
  before: TrustMemory | undefined,
  { payload }: ParsedDocument<DirectoryDocument>,
  given: DirectoryHashes | undefined,
): Promise<readonly string[] | undefined> {
  const seen = before?.directory;
  if (payload.chain === undefined) {
    // guard: chain-earlier
    if (seen?.chain !== undefined) throw broken('the directory is of an earlier format than the one held');
    return undefined;
  }
  if (seen === undefined && given === undefined) return payload.version === 1 ? [] : undefined;
  const between = await verifyChain(seen, payload, given);
  if (firstNeeded(seen) === 1) return between;
  return before?.hashes === undefined ? undefined : [...before.hashes, ...between];
}

/** Hashes on one page as a vault serves them. */
const PAGE = 1_000;
const PAGE_MAX_BYTES = 64 * 1024;
/** A hundred directories a day for ten years: no vault leads anybody on for longer. */
const PAGES_MAX = 365;
const pageSchema = z.strictObject({ v: z.literal(1), hashes: z.array(hashSchema).check(z.maxLength(PAGE)) });

/**
 * Fetches the hashes that {@link continueChain} needs to get from what was seen to a directory, or nothing if none are
 * needed. What they are worth, the chain of the verified directory decides.
 * @param head of the directory, which nobody has verified yet
 * @param read gets the page that begins with a version, as text; undefined where there is none
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export async function fetchHashes(
  seen: readonly (TrustMemory | undefined)[],
  { version, chain }: Pick<DirectoryHead, 'version' | 'chain'>,
  read: (from: number) => Promise<string | undefined>,
): Promise<DirectoryHashes | undefined> {
  const needed = seen.filter((memory) => chain !== undefined && !isNeighbour(memory?.directory, version));
  if (needed.length === 0) return undefined;
  const from = Math.min(...needed.map((memory) => firstNeeded(memory?.directory)));
  return { from, hashes: await readHashes(from, version, read) };
}

/**
 * Reads pages of hashes until one is not full or a version is reached.
 * @param to a version whose own hash is not needed
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export async function readHashes(
  from: number,
  to: number,
  read: (from: number) => Promise<string | undefined>,
): Promise<string[]> {
  const hashes: string[] = [];
  for (let pages = 0; pages < PAGES_MAX && from + hashes.length < to; pages++) {
    const text = await read(from + hashes.length);
    if (text === undefined) break;
    const page = strictParse(utf8(text), { maxBytes: PAGE_MAX_BYTES });
    const { hashes: more } = checkShape(page, pageSchema, 'page of hashes');
    hashes.push(...more);
    if (more.length < PAGE) break;
  }
  return hashes;
}

/** Whether what was seen is all that the chain of a version is made of. */
function isNeighbour(seen: SeenDirectory | undefined, version: number): boolean {
  if (seen?.chain === undefined) return version === 1;
  return version <= seen.version + 1;
}

function firstNeeded(seen: SeenDirectory | undefined): number {
  return seen?.chain === undefined ? 1 : seen.version;
}

/** One hash for each version from `from` to before `to`: what is held itself, the rest as it was given. */
function hashesBetween(
  from: number,
  to: number,
  seen: SeenDirectory | undefined,
  given: DirectoryHashes | undefined,
): string[] {
  const hashes: string[] = [];
  for (let version = from; version < to; version++) {
    const hash = given?.hashes[version - given.from];
    // guard: chain-held
    if (version === seen?.version && hash !== undefined && hash !== seen.hash)
      throw broken('the chain has another directory in the place of the one held');
    const known = version === seen?.version ? seen.hash : hash;
    if (known === undefined) throw broken('hashes between the directory held and this one are missing');
    hashes.push(known);
  }
  return hashes;
}

function broken(message: string): CryptoError {
  return new CryptoError('trust_rollback', message, { check: 'directory-chain' });
}
