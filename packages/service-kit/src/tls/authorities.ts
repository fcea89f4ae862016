import { X509Certificate } from 'node:crypto';
import tls from 'node:tls';
import { SettingsError } from '../process/settings.js';
import { certificatesIn, readBounded } from './bounded-file.js';

/**
 * Has this process trust the authorities of a PEM file, beside those that Node knows: in every connection that says
 * nothing else, to the vault, a model server, a database or a Redis. Nothing is done without a file.
 * @throws {SettingsError} for a file without a certificate, and for a Node that cannot do it
 */
export function trustAuthorities(file: string | undefined): void {
  if (file === undefined) return;
  const certificates = certificatesIn(readBounded(file)?.bytes.toString('latin1') ?? '');
  if (certificates.length === 0 || !certificates.every(isCertificate))
    throw new SettingsError([`BULLA_CA_FILE: ${file} cannot be read as a PEM file of certificates`]);
  // Types say that it is there; older versions of Node have none.
  const { setDefaultCACertificates: setDefault }: Partial<typeof tls> = tls;
  if (setDefault === undefined)
    throw new SettingsError([
      `BULLA_CA_FILE: Node ${process.versions.node} takes authorities only as it starts; expected Node 22.19, 24.5 or newer, or NODE_EXTRA_CA_CERTS=${file} in its place`,
    ]);
  setDefault([...tls.getCACertificates('default'), ...certificates]);
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}
