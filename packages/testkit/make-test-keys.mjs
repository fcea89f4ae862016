// Makes test-keys.json: RSA keys for tests, whose making takes half a second of a core. Run it by hand:
//   node packages/testkit/make-test-keys.mjs
// Keys of the other suites are made in a quarter of a millisecond; tests make them anew.
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';

const COUNTS = { rsa2048: 64, rsa3072: 24 };
const MEMBERS = ['kty', 'n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'];

function makeKey(suite) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: Number(suite.slice(3)), publicExponent: 65_537 });
  const jwk = privateKey.export({ format: 'jwk' });
  return Object.fromEntries(MEMBERS.map((member) => [member, jwk[member]]));
}

const keys = Object.fromEntries(
  Object.entries(COUNTS).map(([suite, count]) => [suite, Array.from({ length: count }, () => makeKey(suite))]),
);
const warning = 'Private keys that everybody knows, for tests of this repository alone.';
writeFileSync(new URL('test-keys.json', import.meta.url), `${JSON.stringify({ warning, ...keys }, null, 2)}\n`);
