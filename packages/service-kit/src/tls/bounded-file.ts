import { closeSync, fstatSync, openSync } from 'node:fs';
import { beginningOf } from '../process/file-beginning.js';

/** Longer than any chain of certificates; a file may be one without end. */
const FILE_MAX_BYTES = 1_048_576;

export interface BoundedFile {
  readonly bytes: Buffer;
  /** Its permissions, of the same moment. */
  readonly mode: number;
}

/** A file of certificates, of a key or of settings; undefined where it cannot be read, or is too long to be one. */
export function readBounded(path: string): BoundedFile | undefined {
  try {
    const descriptor = openSync(path, 'r');
    try {
      const bytes = beginningOf(descriptor, FILE_MAX_BYTES);
      return bytes.length > FILE_MAX_BYTES ? undefined : { bytes, mode: fstatSync(descriptor).mode };
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined;
  }
}

/** The certificates of a PEM file, each as text, in their order. */
export function certificatesIn(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? [];
}
