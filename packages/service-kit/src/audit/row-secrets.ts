import type { KeyObject } from 'node:crypto';
import { createHmac, createSecretKey } from 'node:crypto';
import type { Bytes, KeyFile } from '@bulla/crypto';
import { decodeBase64url, equalBytes } from '@bulla/crypto';
import { KeyFileError } from '../authentication/private-file.js';

/** By which secret a row is authenticated, and how. */
export interface RowMac {
  readonly id: string;
  readonly mac: Bytes;
}

/** What a MAC says of its row. `unknown`: this process does not hold the secret, another may. */
export type RowVerdict = 'good' | 'unknown' | 'bad';

/**
 * What a service authenticates the rows of its audit log with, from its key file: who has the database alone can write
 * no row (docs/spec/audit-log.md#rows-before-the-log).
 */
export class RowSecrets {
  /** Not enumerable, and `KeyObject` shows nothing: no printer finds a secret here. */
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #newest: string | undefined;

  private constructor(keys: ReadonlyMap<string, KeyObject>, newest: string | undefined) {
    this.#keys = keys;
    this.#newest = newest;
  }

  /** The newest writes, all of them check. @throws {KeyFileError} if one is not 32 bytes, or two have one id */
  static of({ urn, rows = [] }: Pick<KeyFile, 'urn' | 'rows'>): RowSecrets {
    const keys = new Map<string, KeyObject>();
    for (const { id, secret } of rows) {
      const bytes = bytesOf(secret, urn);
      keys.set(id, createSecretKey(bytes));
      bytes.fill(0);
    }
    if (keys.size < rows.length) throw new KeyFileError(`the key file of ${urn} has two secrets for rows of one id`);
    return new RowSecrets(keys, rows[0]?.id);
  }

  /** Writes as this does, and checks by the secrets of another too. */
  knowing(other: RowSecrets): RowSecrets {
    return new RowSecrets(new Map([...other.#keys, ...this.#keys]), this.#newest);
  }

  /** Of all that are held. There is nothing secret in them. */
  get ids(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /** Whether there is one to write with. */
  get canWrite(): boolean {
    return this.#newest !== undefined;
  }

  /** Authenticates the leaf of a row by the newest secret. @throws {Error} if there is none */
  seal(org: string, leaf: Uint8Array | string): RowMac {
    const id = this.#newest;
    const key = id === undefined ? undefined : this.#keys.get(id);
    if (id === undefined || key === undefined) throw new Error('no row is written without a secret for rows');
    return { id, mac: macOf(key, org, leaf) };
  }

  /** What the MAC of a row says; a row without one is of no secret that anybody holds. */
  check(org: string, leaf: Uint8Array, { id, mac }: { id: string | null; mac: Uint8Array | null }): RowVerdict {
    const key = this.#keys.get(id ?? '');
    if (key === undefined) return 'unknown';
    return mac !== null && equalBytes(macOf(key, org, leaf), mac) ? 'good' : 'bad';
  }
}

/** The name of an organisation has its length before it: no two pairs of name and leaf are the same bytes. */
function macOf(key: KeyObject, org: string, leaf: Uint8Array | string): Bytes {
  const hmac = createHmac('sha256', key);
  const context = `bulla audit row\n${org.length}:${org}`;
  // A text in one piece: what an update costs is the call.
  if (typeof leaf === 'string') hmac.update(context + leaf);
  else hmac.update(context).update(leaf);
  return Uint8Array.from(hmac.digest());
}

function bytesOf(secret: string, urn: string): Bytes {
  try {
    return decodeBase64url(secret);
  } catch {
    // What the parser says could quote it.
    throw new KeyFileError(`the key file of ${urn} has a secret for rows that is not canonical base64url`);
  }
}
