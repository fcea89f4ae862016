import type { KeyFile, KeyPurpose, Signer, TokenKey, Trust } from '@bulla/crypto';
import { isSealAlg, keyFileSchema, keyThumbprint, loadSigner, parseUrn, strictParseBody } from '@bulla/crypto';
import { RowSecrets } from '../audit/row-secrets.js';
import { TokenPlaceRefused } from '../token/token-place.js';
import { TokenSigner } from '../token/token-signer.js';
import { TokenSigners } from '../token/token-signers.js';
import { KeyFileError, readPrivateFile } from './private-file.js';

const KEY_FILE_MAX_BYTES = 262_144;

/**
 * Reads the private keys of a service (BULLA_KEYS_FILE).
 * @throws {KeyFileError} if others than the owner can read or write it, it cannot be read, or it is no key file.
 */
export async function readKeyFile(path: string): Promise<KeyFile> {
  const bytes = await readPrivateFile(path, KEY_FILE_MAX_BYTES);
  try {
    const result = keyFileSchema.safeParse(strictParseBody(bytes, { maxBytes: KEY_FILE_MAX_BYTES }));
    if (!result.success) throw new KeyFileError(`${path}: not a key file of Bulla`);
    await checkKeyFile(result.data, path);
    return result.data;
  } catch (error) {
    if (error instanceof KeyFileError) throw error;
    // What the parser or WebCrypto says could quote the file.
    throw new KeyFileError(`${path}: not a key file of Bulla`);
  } finally {
    bytes.fill(0);
  }
}

async function checkKeyFile(file: KeyFile, path: string): Promise<void> {
  const urn = parseUrn(file.urn);
  if (urn === undefined || urn.org !== file.org)
    throw new KeyFileError(`${path}: its URN is not one of its organisation`);
  for (const key of file.keys) {
    if ((await keyThumbprint(key.jwk)) !== key.kid)
      throw new KeyFileError(`${path}: a kid is not the thumbprint of its key`);
  }
}

/** By purpose, the newest first. */
type Signers = ReadonlyMap<KeyPurpose, readonly Signer[]>;

/** A key that signs checkpoints, and the number of its log; one of before there were numbers signs nothing any more. */
export interface LogKey {
  readonly log: number | undefined;
  readonly signer: Signer;
}
/** Loads what else is in a key file. @returns what takes it; called when all of the file was found good. */
type Follower = (file: KeyFile) => Promise<() => void>;
/** What of an organisation's directory says which keys count. */
export type Listing = Pick<Trust, 'org' | 'activeKeys'>;

/**
 * The signing keys of one service; the newest of a purpose is the first in the file. Which of them signs is for the
 * directory to say: a new one lies ready until it is listed (docs/decisions/2026-12-06-keys-that-lie-ready.md).
 */
export class ServiceKeys {
  readonly urn: string;
  readonly org: string;
  #signers: Signers;
  /** `kid` of every key of the file, and of the file that waits in its place. */
  #kids: readonly string[];
  #waitingKids: readonly string[] = [];
  readonly #tokens: TokenSigners;
  #rows: RowSecrets;
  #logs: ReadonlyMap<string, number>;
  readonly #followers: Follower[] = [];

  constructor(
    urn: string,
    org: string,
    signers: Signers,
    kids: readonly string[],
    tokens = new TokenSigners(),
    rows = RowSecrets.of({ urn }),
    logs: ReadonlyMap<string, number> = new Map(),
  ) {
    this.#logs = logs;
    this.urn = urn;
    this.org = org;
    this.#signers = signers;
    this.#kids = kids;
    this.#tokens = tokens;
    this.#rows = rows;
  }

  /**
   * Loads the signing keys, and tries those that are in tokens; encryption keys stay in the file for the code that may
   * open with them.
   * @throws {CryptoError} key_invalid; {TokenFault} {KeyFileError} for a key in a token that cannot sign
   */
  static async load(file: KeyFile): Promise<ServiceKeys> {
    const tokens = new TokenSigners();
    try {
      return new ServiceKeys(
        file.urn,
        file.org,
        await signersOf(file, tokens),
        kidsOf(file),
        tokens,
        RowSecrets.of(file),
        logsOf(file),
      );
    } catch (error) {
      tokens.keep([]);
      throw error;
    }
  }

  /** What rows of the audit log are authenticated with, of the file as it is now. */
  get rows(): RowSecrets {
    return this.#rows;
  }

  /** Those that sign checkpoints, of the file as it is now. */
  get logKeys(): readonly LogKey[] {
    return (this.#signers.get('checkpoint') ?? []).map((signer) => ({ log: this.#logs.get(signer.kid), signer }));
  }

  /** @throws {KeyFileError} if the key file has no key for the checkpoints of a numbered log */
  requireLogKey(): void {
    if (this.#logs.size > 0) return;
    throw new KeyFileError(
      `the key file of ${this.urn} has no key for a numbered audit log; make one with bulla trust renew --begin-logs`,
    );
  }

  /** @throws {KeyFileError} if the key file has no secret to write rows of the audit log with */
  requireRows(): void {
    if (this.#rows.canWrite) return;
    throw new KeyFileError(
      `the key file of ${this.urn} has no secret for rows of the audit log; make one with bulla trust renew --begin-logs`,
    );
  }

  /** The signing keys that are in tokens, each once. */
  get inTokens(): readonly TokenSigner[] {
    const all = new Set([...this.#signers.values()].flat());
    return [...all].filter((signer) => signer instanceof TokenSigner);
  }

  /** @throws {TokenFault} while a key in a token cannot sign */
  async look(): Promise<void> {
    await Promise.all(this.inTokens.map((signer) => signer.look()));
  }

  /** Ends the processes of tokens. */
  async close(): Promise<void> {
    this.#tokens.keep([]);
  }

  /**
   * The newest signer for a purpose, listed or not.
   * @throws {KeyFileError} if the key file holds none: a fault of the installation, found at start by asking then.
   */
  newest(purpose: KeyPurpose): Signer {
    const [newest] = this.#signers.get(purpose) ?? [];
    if (newest === undefined) throw new KeyFileError(`the key file of ${this.urn} has no key for "${purpose}"`);
    return newest;
  }

  /**
   * What signs for an organisation: the newest that its directory lists and lets sign. Where it lists none of them, the
   * newest: who gets that sees that its key is unknown, and looks for a newer directory.
   * @param listing undefined for an organisation that is not served.
   * @param now seconds.
   * @throws {KeyFileError} as {@link newest}
   */
  signer(purpose: KeyPurpose, listing: Listing | undefined, now: number): Signer {
    const all = this.#signers.get(purpose) ?? [];
    if (all.length < 2 || listing === undefined) return this.newest(purpose);
    // guard: keys-listed without: return this.newest(purpose);
    return all.find(({ kid }) => this.#lists(listing, purpose, now, kid)) ?? this.newest(purpose);
  }

  /** The same, and the others for this purpose after it. @throws {KeyFileError} as {@link newest} */
  signers(purpose: KeyPurpose, listing: Listing | undefined, now: number): readonly [Signer, ...Signer[]] {
    const signer = this.signer(purpose, listing, now);
    return [signer, ...(this.#signers.get(purpose) ?? []).filter((one) => one !== signer)];
  }

  /** Done with each file that takes the place of another, before anything signs with it. */
  onTaken(follower: Follower): void {
    this.#followers.push(follower);
  }

  /**
   * `kid` of each key whose private half this process has: of its file, and of one that waits in its place until a
   * directory lists it. Thumbprints of public keys: there is no secret in them.
   */
  held(): string[] {
    return [...new Set([...this.#kids, ...this.#waitingKids])];
  }

  /** What lies in the place of the file cannot be taken: nothing waits there. */
  nothingWaits(): void {
    this.#waitingKids = [];
  }

  /**
   * Takes the keys of another file of the same service.
   * @param listings of all organisations that are served now.
   * @returns false where it would lose a listed key and have none that is: nothing is taken then, until one is listed
   * @throws {KeyFileError} if it is of another service, or lacks a key for a purpose; {CryptoError} key_invalid;
   *   {TokenFault} while a key in a token cannot sign
   */
  async take(file: KeyFile, listings: readonly Listing[], now: number): Promise<boolean> {
    if (file.urn !== this.urn) throw new KeyFileError(`the key file is of another service: expected ${this.urn}`);
    const next = await signersOf(file, this.#tokens);
    const rows = RowSecrets.of(file);
    // guard: keys-without-rows
    if (this.#rows.canWrite && !rows.canWrite)
      throw new KeyFileError(`the key file of ${this.urn} has no secret for rows of the audit log`);
    for (const purpose of this.#signers.keys())
      if (!next.has(purpose)) throw new KeyFileError(`the key file of ${this.urn} has no key for "${purpose}"`);
    const isListed = (signers: Signers, purpose: KeyPurpose, listing: Listing) =>
      signers.get(purpose)?.some(({ kid }) => this.#lists(listing, purpose, now, kid)) ?? false;
    const wouldLose = [...this.#signers.keys()].some((purpose) =>
      listings.some((one) => isListed(this.#signers, purpose, one) && !isListed(next, purpose, one)),
    );
    const taking = await Promise.all(this.#followers.map((follower) => follower(file)));
    this.#waitingKids = wouldLose ? kidsOf(file) : [];
    // Another process may write by it already.
    if (wouldLose) this.#rows = this.#rows.knowing(rows);
    // guard: keys-early
    if (wouldLose) return false;
    for (const take of taking) take();
    this.#signers = next;
    this.#rows = rows;
    this.#logs = logsOf(file);
    this.#kids = kidsOf(file);
    this.#tokens.keep(tokenKeysOf(file));
    return true;
  }

  #lists(listing: Listing, purpose: KeyPurpose, now: number, kid: string): boolean {
    return listing.activeKeys(this.urnIn(listing.org), purpose, now).some(({ record }) => record.kid === kid);
  }

  /** The URN of this service in another organisation: many directories may list one vault's keys (protocol.md §4). */
  urnIn(org: string): string {
    if (org === this.org) return this.urn;
    const urn = parseUrn(this.urn);
    return urn === undefined ? this.urn : `urn:bulla:${org}:${urn.kind}:${urn.id}`;
  }
}

function kidsOf({ keys }: KeyFile): string[] {
  return keys.map(({ kid }) => kid);
}

function logsOf({ keys }: KeyFile): Map<string, number> {
  return new Map(keys.flatMap((key) => ('log' in key && key.log !== undefined ? [[key.kid, key.log]] : [])));
}

async function signersOf(file: KeyFile, tokens: TokenSigners): Promise<Signers> {
  const signers = new Map<KeyPurpose, Signer[]>();
  for (const key of file.keys) {
    if (key.use !== 'sig' || isSealAlg(key.alg)) continue;
    const signer = 'token' in key ? await openToken(key, tokens, file) : await loadSigner(key.jwk, key.alg);
    for (const purpose of key.pur) signers.set(purpose, [...(signers.get(purpose) ?? []), signer]);
  }
  return signers;
}

async function openToken(key: TokenKey, tokens: TokenSigners, { urn }: KeyFile): Promise<Signer> {
  try {
    return await tokens.open(key);
  } catch (error) {
    if (!(error instanceof TokenPlaceRefused)) throw error;
    throw new KeyFileError(`the key file of ${urn}, key ${key.kid}: ${error.message}`);
  }
}

function tokenKeysOf({ keys }: KeyFile): TokenKey[] {
  return keys.filter((key) => 'token' in key);
}
