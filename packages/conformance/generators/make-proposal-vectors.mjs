/** Golden vectors of proposals, good and refused, on the documents and keys of `golden/trust.json`, with our code. */
import * as crypto from '@bulla/crypto';
import { isPublished, read, write } from './published.mjs';

const PATH = 'golden/proposal.json';
const HOUR = 3_600;
const DAY = 86_400;
const HASH = 'A'.repeat(43);

const { now: NOW, org, pin, keys, documents } = read('golden/trust.json');
const FIRST_HASH = await crypto.digestB64u(crypto.utf8('the directory before'));
const base = await crypto.Trust.establish(documents, { org, pin, now: NOW, hashes: { from: 1, hashes: [FIRST_HASH] } });
const { memory } = base;
const signers = new Map();
for (const [name, { privateJwk, alg, use }] of Object.entries(keys))
  if (use === 'sig') signers.set(name, await crypto.loadSigner(privateJwk, alg));

/** Root 2 with another key of the directory, an hour from now, its policy and directory. */
async function drafts(change = () => undefined, at = NOW + HOUR) {
  const times = { issued: crypto.timestampOf(at), expires: crypto.timestampOf(at + 60 * DAY) };
  const root = { ...structuredClone(base.root), version: 2, ...times };
  delete root.keys[keys.directory1.kid];
  root.keys[keys.directory2.kid] = { jwk: keys.directory2.publicJwk, alg: keys.directory2.alg };
  root.roles.directory = { kids: [keys.directory2.kid], threshold: 1 };
  const policy = { ...structuredClone(base.policy), version: 2, root_version: 2, prev: memory.policy.hash, ...times };
  const { ver, hash: prev } = base.directoryRef;
  const following = { version: ver + 1, root_version: 2, prev, chain: await base.nextChain(), ...times };
  const directory = { ...structuredClone(base.directory), ...following };
  change({ root, policy, directory });
  const { hash } = await crypto.parsePolicy(await crypto.signDocument(policy, []), 'proposed');
  if (directory.policy.version === 1) directory.policy = { version: policy.version, hash };
  return { root, policy, directory };
}

async function proposal(next, more = {}) {
  const { version, hash } = memory.directory;
  return crypto.composeProposal({
    org,
    by: 'urn:bulla:acme:dev:dev_01m8846qn4f4rbrg78kdyan1yj',
    why: 'directory.key was stolen',
    at: crypto.timestampOf(NOW),
    base: { root: memory.root, policy: memory.policy, directory: { version, hash } },
    documents,
    next,
    ...more,
  });
}

const changed = (change, at) => async () => proposal(await drafts(change, at));
async function signed(text, ...names) {
  const judged = await crypto.judgeProposal(await crypto.parseProposal(text), { org, pin, now: NOW });
  const by = names.map((name) => signers.get(name));
  const added = await crypto.signaturesBy(
    judged,
    by.map(({ kid }) => kid),
  );
  return crypto.signProposal(judged, by, added);
}

const next = ['trust_rollback', 'proposal-next'];
/** Name, result, check, how it is made, and what differs of who judges it. */
const plans = [
  ['the key of the directory replaced, not signed yet', 'valid', '', changed()],
  ['signed by one of the two that root asks for', 'valid', '', async () => signed(await changed()(), 'root1')],
  [
    'signed by all who must',
    'complete',
    '',
    async () => signed(await changed()(), 'root1', 'root3', 'policy1', 'policy2', 'directory2'),
  ],
  ['by who has seen what it stands on', 'valid', '', changed(), { memory }],
  [
    'a policy with a directory that names it',
    'valid',
    '',
    async () => {
      const { policy, directory } = await drafts((one) => {
        for (const document of [one.policy, one.directory]) document.root_version = 1;
      }, NOW);
      return proposal({ policy, directory });
    },
  ],
  [
    'a directory alone',
    'valid',
    '',
    async () => {
      const { directory } = await drafts((one) => {
        Object.assign(one.directory, { root_version: 1, policy: { ...base.directory.policy } });
      }, NOW);
      return proposal({ directory: { ...directory, policy: base.directory.policy } });
    },
  ],
  ['in its last second', 'valid', '', changed(), { now: NOW + HOUR + 900 }],
  ['a second after that', 'trust_expired', 'proposal-over', changed(), { now: NOW + HOUR + 901 }],
  ['14 days ahead', 'valid', '', changed(undefined, NOW + 14 * DAY)],
  ['more than 14 days ahead', 'clock_skew', 'proposal-ahead', changed(undefined, NOW + 14 * DAY + 1)],
  ['a root that leaves one out', ...next, changed(({ root }) => (root.version = 3))],
  ['another profile', ...next, changed(({ root }) => (root.profile = 'development'))],
  ['a policy after another one', ...next, changed(({ policy }) => (policy.prev = HASH))],
  ['a policy of another moment', ...next, changed(({ policy }) => (policy.issued = crypto.timestampOf(NOW)))],
  ['a directory of another chain', ...next, changed(({ directory }) => (directory.chain = HASH))],
  ['a directory of the root before', ...next, changed(({ directory }) => (directory.root_version = 1))],
  [
    'a directory without a revocation',
    'trust_rollback',
    'directory-revoked',
    changed(({ directory }) => (directory.revoked = [])),
  ],
  [
    'another base than it shows',
    'trust_rollback',
    'proposal-base',
    async () =>
      proposal(await drafts(), {
        base: { root: memory.root, policy: memory.policy, directory: { version: 2, hash: HASH } },
      }),
  ],
  [
    'a signature by the key that goes',
    'signature_invalid',
    'proposal-signatures',
    async () => {
      const { directory, ...others } = await drafts();
      return proposal({ ...others, directory: await crypto.signDocument(directory, [signers.get('directory1')]) });
    },
  ],
  [
    'a root without a policy under it',
    'token_malformed',
    '',
    async () => {
      const { root, directory } = await drafts();
      return proposal({ root, directory });
    },
  ],
  ['a line break in its reason', 'token_malformed', '', async () => proposal(await drafts(), { why: 'one\ntwo' })],
  ['a member more', 'token_malformed', '', async () => (await changed()()).replace('"v":1', '"v":1,"w":1')],
  ['a space', 'token_malformed', '', async () => (await changed()()).replace('"v":1', '"v": 1')],
];

const vectors = isPublished(PATH)
  ? read(PATH)
  : { note: 'Documents and keys are those of golden/trust.json.', now: NOW, org, pin, cases: [] };
for (const [name, result, check, make, more = {}] of plans) {
  if (vectors.cases.some((one) => one.name === name)) continue;
  const { now, memory: seen } = more;
  const judge = { ...(now !== undefined && { now }), ...(seen !== undefined && { memory: seen }) };
  vectors.cases.push({ name, result, ...(check !== '' && { check }), ...judge, text: await make() });
}
write(PATH, vectors);
