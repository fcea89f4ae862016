// Makes test-certificates.json: authorities and certificates of TLS for tests, on keys that everybody knows. Run it by
// hand, with OpenSSL 3.4 or newer:
//   node packages/testkit/make-test-certificates.mjs
// Committed, so that tests need no OpenSSL, and so that one of them has really expired.
import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'bulla-certificates-'));
const file = (name) => join(folder, name);
const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'inherit'] });
const here = 'DNS:localhost,IP:127.0.0.1,IP:::1';
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
const long = ['20200101000000Z', '21200101000000Z'];

function makeAuthority(name) {
  const extensions = [
    '-addext',
    'basicConstraints=critical,CA:TRUE',
    '-addext',
    'keyUsage=critical,keyCertSign,cRLSign',
  ];
  const ends = ['-not_before', long[0], '-not_after', long[1]];
  newCertificate(name, ['-subj', `/CN=Bulla tests, ${name} authority`, ...extensions, ...ends]);
}

function makeCertificate(name, authority, san, [from, to] = long, newKey = EC) {
  const by = ['-CA', file(`${authority}.pem`), '-CAkey', file(`${authority}.key`)];
  const extensions = ['-addext', 'basicConstraints=critical,CA:FALSE', '-addext', `subjectAltName=${san}`];
  const ends = ['-not_before', from, '-not_after', to];
  newCertificate(name, ['-subj', `/CN=Bulla tests, ${name}`, ...by, ...extensions, ...ends], newKey);
  const key = createPrivateKey(readFileSync(file(`${name}.key`))).export({ format: 'jwk' });
  return { authority, cert: readFileSync(file(`${name}.pem`), 'utf8'), key };
}

function newCertificate(name, args, newKey = EC) {
  openssl('req', '-x509', ...newKey, '-noenc', ...args, '-keyout', file(`${name}.key`), '-out', file(`${name}.pem`));
}

for (const name of ['known', 'unknown']) makeAuthority(name);
const certificates = {
  here: makeCertificate('here', 'known', here),
  renewed: makeCertificate('renewed', 'known', here),
  elsewhere: makeCertificate('elsewhere', 'known', 'DNS:vault.example'),
  expired: makeCertificate('expired', 'known', here, ['20250101000000Z', '20250401000000Z']),
  weak: makeCertificate('weak', 'known', here, long, ['-newkey', 'rsa:1024']),
  strange: makeCertificate('strange', 'unknown', here),
};
const authorities = Object.fromEntries(
  ['known', 'unknown'].map((name) => [name, readFileSync(file(`${name}.pem`), 'utf8')]),
);
rmSync(folder, { recursive: true });
const warning = 'Private keys that everybody knows, for tests of this repository alone.';
const made = { warning, authorities, certificates };
writeFileSync(new URL('test-certificates.json', import.meta.url), `${JSON.stringify(made, null, 2)}\n`);
