import { X509Certificate } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import tls from 'node:tls';

const FILE_MAX_BYTES = 1_048_576;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** A file of authorities that cannot be used; the message names it. */
export class AuthoritiesError extends Error {
  override readonly name = 'AuthoritiesError';
}

/**
 * Has this process trust the authorities of a PEM file, beside those that Node knows, in every connection that says
 * nothing else. Call it before the first connection; without a file it does nothing.
 * @param file mostly that of the setting BULLA_CA_FILE.
 * @throws {AuthoritiesError} for a file without a certificate, and for a Node that cannot do it
 */
export function trustAuthorities(file: string | undefined): void {
  if (file === undefined) return;
  const certificates = textOf(file)?.match(CERTIFICATE) ?? [];
  if (certificates.length === 0 || !certificates.every(isCertificate))
    throw new AuthoritiesError(`${file} cannot be read as a PEM file of certificates`);
  // Types say that it is there; older versions of Node have none.
  const { setDefaultCACertificates: setDefault }: Partial<typeof tls> = tls;
  if (setDefault === undefined)
    throw new AuthoritiesError(
      `Node ${process.versions.node} takes authorities only as it starts; expected Node 22.19, 24.5 or newer, or NODE_EXTRA_CA_CERTS=${file} in its place`,
    );
  setDefault([...tls.getCACertificates('default'), ...certificates]);
}

/** Undefined for what cannot be read, or has no end. */
function textOf(file: string): string | undefined {
  const bytes = Buffer.alloc(FILE_MAX_BYTES + 1);
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(descriptor, bytes, length, bytes.length - length, null);
    return length > FILE_MAX_BYTES ? undefined : bytes.toString('latin1', 0, length);
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}
