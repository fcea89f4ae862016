/**
 * The golden vectors of `packages/crypto/test/vectors` in the form of this package. After a vector was added there:
 * `node packages/conformance/test/golden-vectors.mjs`; golden-vectors.test.ts holds the files equal.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const read = (name) =>
  JSON.parse(readFileSync(new URL(`../../crypto/test/vectors/${name}.json`, import.meta.url), 'utf8'));
const base64url = (hex) => Buffer.from(hex, 'hex').toString('base64url');

const publicOf = ({ kty, n, e, crv, x, y }) => JSON.parse(JSON.stringify({ kty, n, e, crv, x, y }));
/** Without the members that are undefined, as JSON has it. */
const fields = (object) => JSON.parse(JSON.stringify(object));

/** How a case ends: `ok` with these members, or its code and check. */
const expectedOf = ({ result, check }, ok) =>
  result === 'valid' ? { ok: fields(ok) } : fields({ refused: result, check });

function letter() {
  const { keys, cases } = read('letter');
  const values = Object.entries(keys).flatMap(([name, { sig, enc }]) => [
    [`${name}.enc`, enc],
    [`${name}.sig.pub`, publicOf(sig)],
  ]);
  return {
    format: 'letter',
    values: Object.fromEntries(values),
    cases: cases.map((one) => ({
      op: 'open',
      name: one.name,
      input: { token: one.token, recipient: `@${one.opener}.enc`, sender: `@${one.sender}.sig.pub` },
      expected: expectedOf(one, { content: one.content, at: one.at, name: one.file }),
    })),
  };
}

function grant() {
  const { acme } = read('organisations');
  const { cases } = read('grant');
  const keyOf = (opener) => (opener === 'recovery' ? acme.recovery : acme.entities[opener].keys.enc).jwk;
  const openers = [...new Set(cases.map(({ opener }) => opener))];
  return {
    format: 'grant',
    values: Object.fromEntries(openers.map((opener) => [`${opener}.enc`, keyOf(opener)])),
    cases: cases.map((one) => {
      const { dekId: dek, ...place } = one.expect;
      return {
        op: 'open',
        name: one.name,
        input: { token: one.token, recipient: `@${one.opener}.enc`, ...place, dek },
        expected: expectedOf(one, { key: one.key && base64url(one.key) }),
      };
    }),
  };
}

function content() {
  return {
    format: 'content',
    values: {},
    cases: read('content').cases.map((one) => ({
      op: 'open',
      name: one.name,
      input: { token: one.token, key: base64url(one.key), ...one.place },
      expected: expectedOf(one, { statement: one.plaintext }),
    })),
  };
}

/** Each file of `vectors/` that is made this way, with its text. */
export function goldenFiles() {
  const files = { letter: letter(), grant: grant(), content: content() };
  return Object.entries(files).map(([name, file]) => [`${name}.json`, `${JSON.stringify(file, null, 1)}\n`]);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const [name, text] of goldenFiles()) writeFileSync(new URL(`../vectors/${name}`, import.meta.url), text);
