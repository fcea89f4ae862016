import { createPrivateKey } from 'node:crypto';
import type { JsonWebKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A committed certificate (test-certificates.json, which make-test-certificates.mjs made): `here` and `renewed` are good
 * for this machine until 2120, `elsewhere` is for vault.example, `expired` ended in 2025, `weak` has a key
 * of 1024 bits, and `strange` is by an authority of which nobody knows.
 */
export type TestCertificateName = 'here' | 'renewed' | 'elsewhere' | 'expired' | 'weak' | 'strange';

export interface TestCertificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  /** PEM: the authority that signed it. */
  readonly ca: string;
}

interface Committed {
  readonly authorities: Readonly<Record<string, string>>;
  readonly certificates: Readonly<
    Record<TestCertificateName, { readonly authority: string; readonly cert: string; readonly key: JsonWebKey }>
  >;
}

let committed: Committed | undefined;

/** A certificate, its key and its authority. */
export function testCertificate(name: TestCertificateName): TestCertificate {
  committed ??= JSON.parse(readFileSync(new URL('../test-certificates.json', import.meta.url), 'utf8')) as Committed;
  const { authority, cert, key } = committed.certificates[name];
  const pem = createPrivateKey({ key, format: 'jwk' }).export({ format: 'pem', type: 'pkcs8' });
  return { cert, key: String(pem), ca: committed.authorities[authority] ?? '' };
}

/** The same as files of a folder, where those of another may have been. */
export function placeTestCertificate(
  folder: string,
  name: TestCertificateName,
): { readonly certFile: string; readonly keyFile: string; readonly caFile: string } {
  const { cert, key, ca } = testCertificate(name);
  const files = { certFile: join(folder, 'tls.pem'), keyFile: join(folder, 'tls.key'), caFile: join(folder, 'ca.pem') };
  writeFileSync(files.certFile, cert);
  writeFileSync(files.keyFile, key, { mode: 0o600 });
  writeFileSync(files.caFile, ca);
  return files;
}
