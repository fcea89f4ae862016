import type { KeyFile, KeyPurpose, Signer } from '@bulla/crypto';
import { isSealAlg, keyFileSchema, keyThumbprint, loadSigner, parseUrn, strictParseBody } from '@bulla/crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { beginningOf } from '../process/file-beginning.js';

const KEY_FILE_MAX_BYTES = 262_144;

/** Why a key file was refused; the message names the file and never what is in it. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError';
  /** Bad settings, as far as the process is concerned (docs/guide/configuration.md). */
  readonly exitCode = 78;
}

/**
 * Reads the private keys of a service (BULLA_KEYS_FILE).
 * @throws {KeyFileError} if others than the owner can read or write it, it cannot be read, or it is no key file.
 */
export async function readKeyFile(path: string): Promise<KeyFile> {
  const bytes = await readPrivateFile(path);
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

/** Opened once and then checked by its handle, so that the file checked is the file read. */
async function readPrivateFile(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY).catch(() => {
    throw new KeyFileError(`${path}: cannot be read`);
  });
  try {
    const { mode } = await file.stat();
    if ((mode & 0o077) !== 0) throw new KeyFileError(`${path}: others can read or write it; expected mode 0600`);
    // What its size is said to be says nothing of a pipe.
    const bytes = readBeginning(file.fd, path);
    if (bytes.length > KEY_FILE_MAX_BYTES) throw new KeyFileError(`${path}: larger than ${KEY_FILE_MAX_BYTES} bytes`);
    return bytes;
  } finally {
    await file.close();
  }
}

function readBeginning(descriptor: number, path: string): Buffer {
  try {
    return beginningOf(descriptor, KEY_FILE_MAX_BYTES);
  } catch {
    throw new KeyFileError(`${path}: cannot be read`);
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

/** The signing keys of one service; the newest of a purpose is the first in the file. */
export class ServiceKeys {
  readonly urn: string;
  readonly org: string;
  readonly #signers: ReadonlyMap<KeyPurpose, Signer>;

  constructor(urn: string, org: string, signers: ReadonlyMap<KeyPurpose, Signer>) {
    this.urn = urn;
    this.org = org;
    this.#signers = signers;
  }

  /**
   * Loads the signing keys; encryption keys stay in the file for the code that may open with them.
   * @throws {CryptoError} key_invalid
   */
  static async load(file: KeyFile): Promise<ServiceKeys> {
    const signers = new Map<KeyPurpose, Signer>();
    for (const key of file.keys) {
      if (key.use !== 'sig' || isSealAlg(key.alg)) continue;
      const signer = await loadSigner(key.jwk, key.alg);
      for (const purpose of key.pur) if (!signers.has(purpose)) signers.set(purpose, signer);
    }
    return new ServiceKeys(file.urn, file.org, signers);
  }

  /**
   * The signer for a purpose.
   * @throws {KeyFileError} if the key file holds none: a fault of the installation, found at start by asking then.
   */
  signer(purpose: KeyPurpose): Signer {
    const signer = this.#signers.get(purpose);
    if (signer === undefined) throw new KeyFileError(`the key file of ${this.urn} has no key for "${purpose}"`);
    return signer;
  }

  /** `urn#kid` of the key that signs HTTP messages. */
  httpKeyid(org = this.org): string {
    return `${this.urnIn(org)}#${this.signer('http').kid}`;
  }

  /** The URN of this service in another organisation: many directories may list one vault's keys (protocol.md §4). */
  urnIn(org: string): string {
    const urn = parseUrn(this.urn);
    return org === this.org || urn === undefined ? this.urn : `urn:bulla:${org}:${urn.kind}:${urn.id}`;
  }
}
