import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { SecureContextOptions } from 'node:tls';
import { certificatesIn, readBounded } from './bounded-file.js';

/** Where certificate and key of a service are, and what they have to be good for. */
export interface PairFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Names and addresses by which clients reach the service, as URLs have them. */
  readonly hosts: readonly string[];
}

/** A certificate and its key, which fit together and count now. */
export interface CertificatePair {
  /** PEM: the certificate, then those between it and the authority. */
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
}

const SETTINGS = { cert: 'BULLA_TLS_CERT_FILE', key: 'BULLA_TLS_KEY_FILE' } as const;

export type PairFaultCode =
  | 'cert_unreadable'
  | 'cert_malformed'
  | 'cert_expired'
  | 'cert_not_yet'
  | 'cert_other_name'
  | 'key_unreadable'
  | 'key_open_to_others'
  | 'key_malformed'
  | 'key_other'
  | 'refused';

/** Why a certificate and its key cannot be used. The message names the file, and nothing that is in a key. */
export class PairFault extends Error {
  override readonly name = 'PairFault';
  readonly code: PairFaultCode;

  constructor(code: PairFaultCode, what: keyof typeof SETTINGS, message: string) {
    super(`${SETTINGS[what]}: ${message}`);
    this.code = code;
  }
}

/** Both files as they are at this moment. */
export interface PairBytes {
  readonly cert: Buffer | undefined;
  readonly key: { readonly bytes: Buffer; readonly mode: number } | undefined;
  /** Another for every other content. */
  readonly mark: string;
}

/** Reads both files. Nothing is judged yet; the caller wipes the key. */
export function readPair({ certFile, keyFile }: PairFiles): PairBytes {
  const cert = readBounded(certFile)?.bytes;
  const key = readBounded(keyFile);
  const hash = createHash('sha256');
  for (const bytes of [cert, key?.bytes])
    hash.update(bytes === undefined ? '-' : `${bytes.length} `).update(bytes ?? '');
  return { cert, key, mark: hash.update(String(key?.mode)).digest('base64url') };
}

/**
 * A pair that a service may show to its clients.
 * @param now seconds.
 * @throws {PairFault}
 */
export function judgePair({ cert, key }: PairBytes, files: PairFiles, now: number): CertificatePair {
  const { leaf, chain } = chainOf(cert, files.certFile);
  const ends = { notBefore: secondsOf(leaf.validFromDate), notAfter: secondsOf(leaf.validToDate) };
  // guard: tls-certificate-expired
  if (ends.notAfter <= now)
    throw new PairFault('cert_expired', 'cert', `${files.certFile} expired at ${leaf.validTo}; expected a newer one`);
  // guard: tls-certificate-not-yet
  if (ends.notBefore > now)
    throw new PairFault(
      'cert_not_yet',
      'cert',
      `${files.certFile} counts from ${leaf.validFrom} on; is the clock right?`,
    );
  const other = files.hosts.find((host) => !isFor(leaf, host));
  // guard: tls-certificate-name
  if (other !== undefined)
    throw new PairFault(
      'cert_other_name',
      'cert',
      `${files.certFile} is not for ${other}; expected a certificate with that name or address in it`,
    );
  const privateKey = keyOf(key, files.keyFile);
  const malformed = new PairFault(
    'key_malformed',
    'key',
    `${files.keyFile} is not a private key without a passphrase; expected PEM`,
  );
  const publicHalf = publicHalfOf(privateKey);
  if (publicHalf === undefined) throw malformed;
  // guard: tls-certificate-key
  if (!leaf.publicKey.equals(publicHalf))
    throw new PairFault(
      'key_other',
      'key',
      `${files.keyFile} is not the key of the first certificate in ${files.certFile}`,
    );
  if (!isTaken({ cert: chain })) {
    const expected = 'an EC key, or an RSA key of 2048 bits or more';
    throw new PairFault('refused', 'cert', `${files.certFile} is refused by OpenSSL; expected ${expected}`);
  }
  if (!isTaken({ cert: chain, key: privateKey })) throw malformed;
  return { cert: chain, key: privateKey, ...ends };
}

function chainOf(chain: Buffer | undefined, file: string): { leaf: X509Certificate; chain: Buffer } {
  if (chain === undefined) throw new PairFault('cert_unreadable', 'cert', `${file} cannot be read`);
  const [first] = certificatesIn(chain.toString('latin1'));
  try {
    if (first !== undefined) return { leaf: new X509Certificate(first), chain };
  } catch {
    // Said below.
  }
  throw new PairFault('cert_malformed', 'cert', `${file} does not begin with a certificate; expected PEM`);
}

function keyOf(key: PairBytes['key'], file: string): Buffer {
  if (key === undefined) throw new PairFault('key_unreadable', 'key', `${file} cannot be read`);
  // guard: tls-key-mode
  if ((key.mode & 0o007) !== 0)
    throw new PairFault('key_open_to_others', 'key', `everybody can use ${file}; expected mode 0640 or 0600`);
  return key.bytes;
}

/** Only a public key is made of it here; undefined where there is none in it. */
function publicHalfOf(key: Buffer): KeyObject | undefined {
  try {
    return createPublicKey(key);
  } catch {
    return undefined;
  }
}

/** Whether OpenSSL would show them to clients. */
function isTaken(options: SecureContextOptions): boolean {
  try {
    createSecureContext(options);
    return true;
  } catch {
    return false;
  }
}

function isFor(leaf: X509Certificate, host: string): boolean {
  const name = host.replaceAll(/[[\]]/g, '');
  return (isIP(name) === 0 ? leaf.checkHost(name, { subject: 'never' }) : leaf.checkIP(name)) !== undefined;
}

function secondsOf(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
