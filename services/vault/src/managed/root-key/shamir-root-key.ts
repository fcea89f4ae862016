import { readFile, stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { SealingKey, ShareClaims, ShareSet, Unwrapper } from '@bulla/crypto';
import {
  CryptoError,
  decodeBase64url,
  fingerprint,
  generateKeyPair,
  parseShareSet,
  Secret,
  verifyShare,
} from '@bulla/crypto';
import { combineShares, loadUnwrapper, openShare } from '@bulla/crypto/open';
import type { EventLog } from '@bulla/service-kit';
import { LogEvent } from '@bulla/service-kit';
import { HeldRootKey } from './held-root-key.js';
import type { KekContext, RootKeyProvider } from './root-key-provider.js';
import { RootKeyFault, RootKeyRefused } from './root-key-provider.js';

type Waiting = { set: string; fingerprint: string; shares: number; threshold: number };
const VAULT_SEALED = new LogEvent<Waiting>('vault-sealed', 'warn');
const SEAL_ALG = 'ECDH-ES+A256KW';

/**
 * A root key in shares of people (docs/spec/share.md): this process is sealed until it was given enough of them, and again
 * after each start. What it was given is in its memory alone.
 */
export class ShamirRootKey implements RootKeyProvider {
  readonly name = 'shamir';
  /** Known without the key: by the set, whose dealer signed shares of one key only. */
  readonly kid: string;
  readonly set: ShareSet;
  /** Shares are sealed to it: made with this object, and gone with it. */
  readonly key: SealingKey;
  readonly #unwrapper: Unwrapper;
  readonly #given = new Map<number, Secret>();
  #held: HeldRootKey | undefined;

  private constructor(set: ShareSet, key: SealingKey, unwrapper: Unwrapper) {
    this.set = set;
    this.key = key;
    this.kid = `root:shamir:${fingerprint(set.id).replaceAll(':', '').slice(0, 16)}`;
    this.#unwrapper = unwrapper;
  }

  /** A sealed one, with a key of its own to which shares are sealed. */
  static async of(set: ShareSet): Promise<ShamirRootKey> {
    const { kid, publicJwk, privateJwk } = await generateKeyPair('p256', 'enc');
    const key = { kid, use: 'enc', alg: SEAL_ALG, jwk: publicJwk } as const;
    return new ShamirRootKey(set, key, await loadUnwrapper(privateJwk, SEAL_ALG));
  }

  /** Says that it waits, and shows the fingerprint that people compare before they bring a share. */
  sayIn(log: EventLog): void {
    const { id, shares, threshold } = this.set;
    log.write(VAULT_SEALED, { set: fingerprint(id), fingerprint: fingerprint(this.key.kid), shares, threshold });
  }

  get sealed(): boolean {
    return this.#held === undefined;
  }

  /** The numbers of the shares that it waits with, in order. */
  get given(): number[] {
    return [...this.#given.keys()].toSorted((one, other) => one - other);
  }

  /**
   * Opens and verifies a share that is on its way to this process. It takes nothing in.
   * @throws {CryptoError} as `openShare` and `verifyShare`
   */
  async read(sealed: string): Promise<ShareClaims> {
    return verifyShare(await openShare(sealed, this.#unwrapper), this.set);
  }

  /** Takes a verified share in, which is not here yet; the last of those that are needed ends the waiting. */
  async take({ index, value }: ShareClaims): Promise<void> {
    this.#given.set(index, new Secret(decodeBase64url(value)));
    if (this.#given.size < this.set.threshold) return;
    try {
      const root = await combineShares([...this.#given.values()]);
      this.#held = await HeldRootKey.take('shamir', root.reveal(), this.kid);
    } finally {
      this.#forgetShares();
    }
  }

  async wrap(kek: Uint8Array, context: KekContext): Promise<string> {
    return this.#unsealed().wrap(kek, context);
  }

  async unwrap(wrapped: string, context: KekContext): Promise<Uint8Array> {
    return this.#unsealed().unwrap(wrapped, context);
  }

  async makeCheck(): Promise<string> {
    return this.#unsealed().makeCheck();
  }

  async verifyCheck(value: string): Promise<boolean> {
    return this.#unsealed().verifyCheck(value);
  }

  async health(): Promise<void> {
    return this.#unsealed().health();
  }

  async close(): Promise<void> {
    this.#forgetShares();
    await this.#held?.close();
    this.#held = undefined;
  }

  #unsealed(): HeldRootKey {
    if (this.#held !== undefined) return this.#held;
    throw new RootKeyFault(
      'sealed',
      `${this.kid} is in shares, and this process was not given enough of them: bulla unseal`,
    );
  }

  #forgetShares(): void {
    for (const value of this.#given.values()) value.wipe();
    this.#given.clear();
  }
}

/**
 * Reads which shares make the root key, from the public file that `bulla keys shamir create` wrote.
 * @returns undefined where there is no such file
 * @throws {RootKeyRefused} if it is no such file, or others could change whose shares count
 */
export async function openShamirRootKey(path: string): Promise<ShamirRootKey | undefined> {
  if (!isAbsolute(path)) throw new RootKeyRefused(`${path}: not a whole path; expected one that begins with /`);
  const text = await readSet(path);
  if (text === undefined) return undefined;
  try {
    return await ShamirRootKey.of(await parseShareSet(text));
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    throw new RootKeyRefused(
      `${path}: not a set of shares (${error.message}); expected what bulla keys shamir create wrote`,
    );
  }
}

async function readSet(path: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(path);
    // guard: share-set-mode
    if ((mode & 0o022) !== 0)
      throw new RootKeyRefused(`${path}: others can write it, and so say whose shares count: chmod 644 ${path}`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof RootKeyRefused) throw error;
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new RootKeyRefused(`${path}: cannot be read (${code})`);
  }
}
