/** Golden vectors of what is opened with one key. */
import { acme, base64url, expectedOf, publicOf, read } from './golden.mjs';

export function letter() {
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

export function grant() {
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

export function content() {
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

export function lockedKey() {
  return {
    format: 'locked-key',
    values: {},
    cases: read('locked-key').cases.map((one) => ({
      op: 'open',
      name: one.name,
      input: { token: one.token, key: base64url(one.key) },
      expected: expectedOf(one, { plaintext: one.plaintext }),
    })),
  };
}
