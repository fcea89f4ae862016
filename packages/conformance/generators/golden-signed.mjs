/** Golden vectors of what is signed. */
import { positionHash } from './golden-labels.mjs';
import { acme, expectedOf, fields, now, organisation, payloadOf, read, readText } from './golden.mjs';

const REQUEST = 'req_7d9c0f2a5b3e4d61';

/** Verified within the organisation. */
function signed(format, inputOf, okOf) {
  return {
    format,
    values: { organisation },
    cases: read(format).cases.map((one) => ({
      op: 'verify',
      name: one.name,
      input: { ...inputOf(one), organisation: '@organisation', now },
      expected: expectedOf(one, one.result === 'valid' ? okOf(one) : {}),
    })),
  };
}

export const statement = () =>
  signed(
    'statement',
    ({ token, chash, expect }) => ({ token, chash, ...expect }),
    ({ token }) => ({ claims: payloadOf(token) }),
  );

export const envelope = () =>
  signed(
    'envelope',
    ({ token, audience, graceSeconds }) => ({ token, audience, grace: graceSeconds }),
    ({ token }) => ({ claims: payloadOf(token) }),
  );

export const tag = () =>
  signed(
    'tag',
    ({ tokens, label }) => ({ tokens, name: 'claims/triage', label }),
    ({ tokens }) => {
      const { name, tag: label, sub, ver, chash, seq, prev } = payloadOf(tokens[0]);
      return { sub, ver, chash, seq, prev, pos: positionHash([name, label, seq, sub, ver, chash, prev]) };
    },
  );

export function bundle() {
  const { asker, eu1 } = acme.entities;
  const asked = { asker: { urn: asker.urn, kid: asker.keys.sig.kid }, audience: eu1.urn, request: REQUEST };
  return signed(
    'bundle',
    (one) => ({ bundle: one.bundle, wanted: one.wanted, ...asked }),
    (one) => ({ prm: payloadOf(one.bundle.env).prm }),
  );
}

const versionOf = (document) => JSON.parse(Buffer.from(JSON.parse(document).payload, 'base64url').toString()).version;

/** Root, policy and directory are verified together; a case is of the page that says what is wrong. */
export function documents(page) {
  const { org, pin, now: moment, documents: good, cases } = read('trust');
  return {
    format: page,
    values: { roots: good.roots, policy: good.policy, directory: good.directory },
    cases: cases
      .filter((one) => one.page === page)
      .map((one) => {
        const { roots, policy, directory } = { ...good, ...one.changes };
        const chain = { roots: '@roots', policy: '@policy', directory: '@directory', ...one.changes };
        const versions = () => ({
          // One that is passed over does not count.
          root: one.root ?? versionOf(roots.at(-1)),
          policy: versionOf(policy),
          directory: versionOf(directory),
        });
        return {
          op: 'verify',
          name: one.name,
          input: fields({ org, pin, now: moment, ...chain, memory: one.memory, hashes: one.hashes }),
          expected: expectedOf(one, one.result === 'valid' ? versions() : {}),
        };
      }),
  };
}

export function evidence() {
  const file = readText('answer.json');
  const changed = ({ replace }) => replace.reduce((text, [old, next]) => text.replace(old, () => next), file);
  return {
    format: 'evidence',
    values: { file },
    cases: read('evidence').cases.map((one) => ({
      op: 'verify',
      name: one.name,
      input: { file: one.replace.length === 0 ? '@file' : changed(one), pin: acme.pin, now: now + 86_400 },
      expected: expectedOf(one, {}),
    })),
  };
}

export function publicKeys() {
  return {
    format: 'public-keys',
    values: {},
    cases: read('public-keys').cases.map((one) => ({
      op: 'verify',
      name: one.name,
      input: { token: one.token },
      expected: expectedOf(one, { urn: one.urn, kid: one.kid, uses: ['sig', 'enc'] }),
    })),
  };
}
