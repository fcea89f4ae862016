import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whether certificates can be made here. */
export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

export interface TestCertificates {
  /** Paths of PEM files. */
  readonly files: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** An authority, and a certificate of it for a server or a client of this name or address. */
export function makeCertificates(folder: string, name: string, san: string): TestCertificates {
  const file = (of: string) => join(folder, `${name}-${of}.pem`);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...newKey, '-subj', `/CN=${name} authority`, '-keyout', file('ca-key'), '-out', file('ca'));
  const by = ['-CA', file('ca'), '-CAkey', file('ca-key'), '-addext', `subjectAltName=${san}`];
  const leaf = ['-addext', 'basicConstraints=critical,CA:FALSE'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    ...by,
    ...leaf,
    '-subj',
    `/CN=${name}`,
    '-keyout',
    file('key'),
    '-out',
    file('cert'),
  );
  const files = { ca: file('ca'), cert: file('cert'), key: file('key') };
  const read = (path: string) => readFileSync(path, 'utf8');
  return { files, ca: read(files.ca), cert: read(files.cert), key: read(files.key) };
}

function openssl(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`);
}
