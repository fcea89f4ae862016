/** Vectors of the chain of directories, by docs/spec/directory.md, with `node:crypto` and without our code. */
import { createHash } from 'node:crypto';
import { publish } from './published.mjs';

const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
const text = (bytes) => bytes.toString('base64url');

/** Payload hashes of versions 1 to 9, and of a branch that leaves after version 3. */
const hashOf = (name) => sha256(Buffer.from(name));
const trunk = Array.from({ length: 9 }, (_, index) => hashOf(`directory ${index + 1}`));
const branch = trunk.map((hash, index) => (index < 3 ? hash : hashOf(`another directory ${index + 1}`)));

/** What a version of a line of directories says of itself, and what somebody remembers who saw it. */
function at(line, version) {
  let chain = Buffer.alloc(32);
  for (const hash of line.slice(0, version - 1)) chain = sha256(chain, hash);
  const prev = version === 1 ? {} : { prev: text(line[version - 2]) };
  const stated = { version, ...prev, chain: text(chain) };
  return { stated, seen: { version, hash: text(line[version - 1]), chain: text(chain) } };
}
const seen = (version, line = trunk) => at(line, version).seen;
const next = (version, line = trunk) => at(line, version).stated;
const hashes = (from, line = trunk) => ({ from, hashes: line.slice(from - 1).map(text) });
const withoutChain = ({ version, hash }) => ({ version, hash });
const changed = (given, version, hash) => ({ ...given, hashes: given.hashes.with(version - given.from, text(hash)) });
const swapped = (given, one, other) => changed(changed(given, one, trunk[other - 1]), other, trunk[one - 1]);

const valid = [
  ['from one version to the next', { seen: seen(4), next: next(5) }, 1],
  ['from the first version to the next', { seen: seen(1), next: next(2) }, 1],
  ['to the version that was seen', { seen: seen(4), next: next(4) }, 0],
  ['over five versions', { seen: seen(3), next: next(9), hashes: hashes(3) }, 6],
  ['over five versions, by hashes from the first on', { seen: seen(3), next: next(9), hashes: hashes(1) }, 6],
  ['to a version before the last of the hashes', { seen: seen(3), next: next(6), hashes: hashes(3) }, 3],
  ['from nothing to the first version', { next: next(1) }, 0],
  ['from nothing to a later version', { next: next(7), hashes: hashes(1) }, 6],
  ['from a directory of spec 1', { seen: withoutChain(seen(4)), next: next(5), hashes: hashes(1) }, 4],
  ['from a directory of spec 1, over a gap', { seen: withoutChain(seen(2)), next: next(6), hashes: hashes(1) }, 5],
  ['along a branch by who was on it', { seen: seen(5, branch), next: next(8, branch), hashes: hashes(5, branch) }, 3],
];

const fork = next(8, branch);
const broken = [
  ['over a gap without a hash', { seen: seen(3), next: next(6) }],
  [
    'over a gap with a hash too few',
    { seen: seen(3), next: next(6), hashes: { ...hashes(3), hashes: hashes(3).hashes.slice(0, 2) } },
  ],
  ['over a gap with hashes that begin too late', { seen: seen(3), next: next(8), hashes: hashes(5) }],
  ['over a gap with another hash in it', { seen: seen(3), next: next(8), hashes: changed(hashes(3), 5, hashOf('x')) }],
  ['over a gap with two hashes swapped', { seen: seen(3), next: next(8), hashes: swapped(hashes(3), 5, 6) }],
  [
    'over a gap with another hash of the version seen',
    { seen: seen(3), next: next(8), hashes: changed(hashes(3), 3, hashOf('x')) },
  ],
  [
    'from another hash than the one in the chain',
    { seen: { ...seen(3), hash: text(hashOf('x')) }, next: next(8), hashes: hashes(4) },
  ],
  ['from another chain', { seen: { ...seen(3), chain: text(hashOf('x')) }, next: next(8), hashes: hashes(3) }],
  ['to a branch that left before, by its own hashes', { seen: seen(5), next: fork, hashes: hashes(5, branch) }],
  ['to a branch that left before, by the right hashes', { seen: seen(5), next: fork, hashes: hashes(5) }],
  [
    'to a branch that left before, by its own hashes after the version seen',
    { seen: seen(5), next: fork, hashes: { from: 5, hashes: [text(trunk[4]), ...hashes(6, branch).hashes] } },
  ],
  [
    'to a version that names another one before it',
    { seen: seen(3), next: { ...next(8), prev: text(hashOf('x')) }, hashes: hashes(3) },
  ],
  ['to a next version of another chain', { seen: seen(4), next: { ...next(5), chain: text(hashOf('x')) } }],
  ['to a next version that repeats the chain before', { seen: seen(4), next: { ...next(5), chain: seen(4).chain } }],
  ['to a first version whose chain is not zeros', { next: { version: 1, chain: text(hashOf('x')) } }],
  ['from nothing to a later version without hashes', { next: next(7) }],
  ['from nothing to a later version by hashes that do not begin at the first', { next: next(7), hashes: hashes(2) }],
  ['from a directory of spec 1 without hashes', { seen: withoutChain(seen(4)), next: next(5) }],
  [
    'from a directory of spec 1 by hashes from it on alone',
    { seen: withoutChain(seen(4)), next: next(5), hashes: hashes(4) },
  ],
  [
    'from a directory of spec 1 that is on no branch',
    { seen: { version: 4, hash: text(hashOf('x')) }, next: next(6), hashes: hashes(1) },
  ],
];

publish('directory-chain.json', {
  format: 'directory-chain',
  values: {},
  cases: [
    ...valid.map(([name, input, between]) => ({ op: 'verify', name, input, expected: { ok: { between } } })),
    ...broken.map(([name, input]) => ({
      op: 'verify',
      name,
      input,
      expected: { refused: 'trust_rollback', check: 'directory-chain' },
    })),
  ],
});
