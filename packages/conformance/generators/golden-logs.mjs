/** Golden vectors of logs and streams. */
import { expectedOf, read } from './golden.mjs';

export function note() {
  const { origin, keys, checkpoint, cases } = read('note');
  const { size, root } = checkpoint;
  return {
    format: 'note',
    values: { keys },
    cases: cases.map((one) => ({
      op: 'verify',
      name: one.name,
      input: { note: one.note, origin, keys: '@keys' },
      expected: expectedOf(one, { keys: one.keys, size, root }),
    })),
  };
}

/** The same bytes but for one bit. */
function flipped(hash) {
  const bytes = Buffer.from(hash, 'base64url');
  bytes[0] ^= 1;
  return bytes.toString('base64url');
}
const ZEROS = Buffer.alloc(32).toString('base64url');

/** A claim that holds, and what makes each of them one that does not. */
function proofs(format, check, claims, nameOf, wrongs) {
  const refused = { refused: 'log_inconsistent', check };
  return {
    format,
    values: {},
    cases: claims.flatMap((claim) => {
      const name = nameOf(claim);
      const changed = Object.entries(wrongs(claim)).map(([what, change]) => [`${name}: ${what}`, change]);
      return [
        { op: 'verify', name, input: claim, expected: { ok: {} } },
        ...changed.map(([what, change]) => ({
          op: 'verify',
          name: what,
          input: { ...claim, ...change },
          expected: refused,
        })),
      ];
    }),
  };
}

/** What can be wrong with the hashes of any proof. */
const wrongProofs = (proof) => ({
  'a hash more': { proof: [...proof, ZEROS] },
  ...(proof.length > 0 && {
    'a hash less': { proof: proof.slice(1) },
    'another first hash': { proof: [flipped(proof[0]), ...proof.slice(1)] },
    'another last hash': { proof: [...proof.slice(0, -1), flipped(proof.at(-1))] },
    'a hash of 31 bytes': { proof: [...proof.slice(0, -1), ZEROS.slice(0, 42)] },
  }),
  ...(proof.length > 1 && { 'the hashes in another order': { proof: proof.toReversed() } }),
});

export function inclusion() {
  const claims = read('merkle').inclusion.map(({ index, leaf, proof, size, root }) => ({
    leaf,
    index,
    head: { size, root },
    proof,
  }));
  const nameOf = ({ index, head }) => `leaf ${index} of ${head.size}`;
  return proofs('merkle-inclusion', 'inclusion', claims, nameOf, ({ leaf, index, head, proof }) => ({
    ...wrongProofs(proof),
    'another leaf': { leaf: flipped(leaf) },
    'another root': { head: { ...head, root: flipped(head.root) } },
    'an index beyond the end': { index: head.size },
    'a negative index': { index: -1 },
    'an index with a fraction': { index: index + 0.5 },
    'an empty tree': { head: { ...head, size: 0 } },
  }));
}

export function consistency() {
  const claims = read('merkle').consistency.map(({ older, newer, proof }) => ({ older, newer, proof }));
  const nameOf = ({ older, newer }) => `${older.size} and ${newer.size} leaves`;
  return proofs('merkle-consistency', 'consistency', claims, nameOf, ({ older, newer, proof }) => ({
    ...wrongProofs(proof),
    'another older root': { older: { ...older, root: flipped(older.root) } },
    ...(older.size > 0 && { 'another newer root': { newer: { ...newer, root: flipped(newer.root) } } }),
    'an older tree that is larger': { older: { ...older, size: newer.size + 1 } },
    'a size with a fraction': { newer: { ...newer, size: newer.size + 0.5 } },
  }));
}

export function chunked() {
  return {
    format: 'chunked',
    values: {},
    cases: read('chunked').cases.map((one) => ({
      op: 'open',
      name: one.name,
      input: { sealed: one.sealed, key: one.key, context: one.context },
      expected: expectedOf(one, { content: one.text }),
    })),
  };
}
