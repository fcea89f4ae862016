/**
 * Golden vectors of root, policy, directory and tag, valid and refused, with our code. `--documents-anew` makes those of
 * the documents anew, in a new format, with the keys that are there.
 */
import { createHash } from 'node:crypto';
import * as crypto from '@bulla/crypto';
import { exampleTag } from '../../crypto/test/examples.ts';
import { loadOrganisation, NOW } from '../../crypto/test/organisation.ts';
import { isPublished, read, write } from './published.mjs';

const DAY = 86_400;
const YEAR = 365 * DAY;
const HASH = 'A'.repeat(43);
/** Of version 1, which nobody needs. */
const FIRST_HASH = await crypto.digestB64u(crypto.utf8('the directory before'));
const PROMPT = 'urn:bulla:acme:prompt:prm_01m8846r1de35rhayqpfw25ggb';

const VAULT = 'urn:bulla:acme:svc:vault';
const RESPONDER = 'urn:bulla:acme:svc:responder:eu1';
const DEVICE = 'urn:bulla:acme:dev:dev_01m8846qn4f4rbrg78kdyan1yj';
const RENEWER = 'urn:bulla:acme:dev:dev_01m8846qn4f4rbrg78kdyan1yk';

const areDocumentsNew = process.argv.includes('--documents-anew');

/** Reads a vector file, or starts it. */
async function open(format, start) {
  const path = `golden/${format}.json`;
  const isNew = !isPublished(path) || (format === 'trust' && areDocumentsNew);
  const vectors = isNew ? await start() : read(path);
  return {
    vectors,
    /** Adds the cases that are not there yet. */
    async add(plans) {
      for (const { make, ...plan } of plans) {
        const isThere = vectors.cases.some(({ page, name }) => page === plan.page && name === plan.name);
        if (!isThere) vectors.cases.push({ ...plan, ...(await make()) });
      }
      write(path, vectors);
    },
  };
}

const lasting = (from, seconds) => ({ issued: crypto.timestampOf(from), expires: crypto.timestampOf(from + seconds) });

async function startTrust() {
  const keys = areDocumentsNew ? read('golden/trust.json').keys : {};
  const make = async (name, suite = 'ed25519', use = 'sig') => {
    if (keys[name] !== undefined) return;
    const { kid, alg, publicJwk, privateJwk } = await crypto.generateKeyPair(suite, use);
    keys[name] = { kid, alg, suite, use, publicJwk, privateJwk };
  };
  for (const name of ['root1', 'root2', 'root3', 'root4', 'root5', 'policy1', 'policy2', 'directory1', 'directory2'])
    await make(name);
  await make('recovery', 'rsa3072', 'enc');
  for (const name of ['vault', 'eu1', 'device', 'renewer', 'renewerFresh']) await make(name);
  await make('eu1Enc', 'rsa2048', 'enc');
  const listed = (...names) =>
    Object.fromEntries(names.map((name) => [keys[name].kid, { jwk: keys[name].publicJwk, alg: keys[name].alg }]));
  const role = (threshold, ...names) => ({ kids: names.map((name) => keys[name].kid), threshold });
  const { recovery } = keys;
  const root = {
    _type: 'bulla-root',
    spec: '1',
    org: 'acme',
    profile: 'production',
    version: 1,
    ...lasting(NOW - 30 * DAY, YEAR),
    keys: listed('root1', 'root2', 'root3', 'policy1', 'policy2', 'directory1'),
    roles: {
      root: role(2, 'root1', 'root2', 'root3'),
      policy: role(2, 'policy1', 'policy2'),
      directory: role(1, 'directory1'),
    },
    recovery_enc: { kid: recovery.kid, alg: recovery.alg, suite: recovery.suite, jwk: recovery.publicJwk },
  };
  const policy = {
    _type: 'bulla-policy',
    spec: '2',
    org: 'acme',
    version: 1,
    root_version: 1,
    ...lasting(NOW - DAY, YEAR),
    suites: ['rsa2048', 'rsa3072', 'ed25519'],
    custody: { '*': 'sealed', 'drafts/': 'managed' },
    authors: { '*': ['grp:authors'], 'claims/': ['grp:claims'] },
    labels: { production: { groups: ['grp:release'], threshold: 2 }, stable: { groups: ['grp:release'], days: 30 } },
    fresh_days: 5,
    chat: ['grp:support'],
    auth: { bearer: false, oidc: 'approve' },
    max_skew: 60,
  };
  const times = { nbf: NOW - 30 * DAY, use_until: NOW + 335 * DAY, end: NOW + 3650 * DAY };
  const record = (name, ...pur) => {
    const { kid, use, alg, suite, publicJwk: jwk } = keys[name];
    return { kid, use, alg, suite, pur, ...times, jwk };
  };
  const signers = await signersOf(keys);
  const policyToken = await crypto.signDocument(policy, signers('policy1', 'policy2'));
  const directory = {
    _type: 'bulla-directory',
    spec: '2',
    org: 'acme',
    version: 2,
    root_version: 1,
    prev: FIRST_HASH,
    chain: await crypto.nextChain(crypto.FIRST_CHAIN, FIRST_HASH),
    policy: { version: 1, hash: (await crypto.parsePolicy(policyToken)).hash },
    ...lasting(NOW - 3600, 90 * DAY),
    entities: {
      [VAULT]: {
        kind: 'vault',
        url: 'https://vault.acme.example',
        roles: ['service'],
        keys: [record('vault', 'http', 'envelope')],
      },
      [RESPONDER]: {
        kind: 'responder',
        url: 'https://eu1.acme.example',
        roles: ['service'],
        keys: [record('eu1', 'http', 'reply'), record('eu1Enc', 'unwrap')],
      },
      [DEVICE]: {
        kind: 'device',
        user: 'urn:bulla:acme:user:usr_01m8846qn3ew2sbps4hd8t4589',
        roles: ['owner', 'author', 'invoker'],
        groups: ['grp:authors', 'grp:release'],
        keys: [record('device', 'http', 'invoke', 'content', 'tag')],
      },
      [RENEWER]: {
        kind: 'device',
        user: 'urn:bulla:acme:user:usr_01m8846qn3ew2sbps4hd8t458a',
        roles: ['renewer'],
        groups: [],
        keys: [record('renewer', 'http'), record('renewerFresh', 'fresh')],
      },
    },
    revoked: [{ kid: await crypto.digestB64u(crypto.utf8('a lost key')), reason: 'keyCompromise', at: NOW - 7200 }],
    kept: [await crypto.tokenHash('a content of the lost key')],
    withdrawn: [{ sub: PROMPT, below: 2 }],
  };
  const rootToken = await crypto.signDocument(root, signers('root1', 'root2'));
  return {
    note: 'Private keys are for tests only and published on purpose.',
    now: NOW,
    org: 'acme',
    pin: crypto.pinOf(await crypto.parseRoot(rootToken)),
    keys,
    documents: {
      roots: [rootToken],
      policy: policyToken,
      directory: await crypto.signDocument(directory, signers('directory1')),
    },
    cases: [],
  };
}

async function signersOf(keys) {
  const loaded = new Map();
  for (const [name, { privateJwk, alg, use }] of Object.entries(keys)) {
    if (use === 'sig') loaded.set(name, await crypto.loadSigner(privateJwk, alg));
  }
  return (...names) => names.map((name) => loaded.get(name));
}

const trust = await open('trust', startTrust);
const { keys, documents, pin } = trust.vectors;
const signers = await signersOf(keys);
const base = await crypto.Trust.establish(documents, {
  org: 'acme',
  pin,
  now: NOW,
  hashes: { from: 1, hashes: [FIRST_HASH] },
});
const { memory } = base;

/** A payload with changes: a function may change a copy at will. */
function changed(payload, change) {
  const draft = structuredClone(payload);
  if (typeof change === 'function') change(draft);
  else Object.assign(draft, change);
  return draft;
}
/** A key of a witness as a policy names it: 32 bytes that are some number, which nobody signs with. */
function witness(number, name = `witness.example/w${number}`, type = 4) {
  const key = Buffer.alloc(33, number);
  key[0] = type;
  const id = createHash('sha256').update(`${name}\n`).update(key).digest('hex').slice(0, 8);
  return `${name}+${id}+${key.toString('base64')}`;
}
const root = (change, ...names) => crypto.signDocument(changed(base.root, change), signers(...names));
const policy = (change, ...names) => crypto.signDocument(changed(base.policy, change), signers(...names));
const directory = (change, ...names) => crypto.signDocument(changed(base.directory, change), signers(...names));
/** A later version, which leaves the documents there are of the life of version 1. */
const LATER = lasting(NOW - 1800, YEAR);
/** The key set of the next root: two new root keys instead of the three. */
function rotate(draft) {
  Object.assign(draft, { version: 2, ...LATER });
  for (const name of ['root1', 'root2', 'root3']) delete draft.keys[keys[name].kid];
  for (const name of ['root4', 'root5'])
    draft.keys[keys[name].kid] = { jwk: keys[name].publicJwk, alg: keys[name].alg };
  draft.roles.root = { kids: [keys.root4.kid, keys.root5.kid], threshold: 2 };
}
const chain = async (...next) => ({ changes: { roots: [...documents.roots, ...(await Promise.all(next))] } });
/** What the directory after the valid one says of it. */
const following = {
  version: 3,
  prev: memory.directory.hash,
  chain: await crypto.nextChain(memory.directory.chain, memory.directory.hash),
};
/** The directory five versions on, with others between of which nobody has more than the hashes. */
const between = await Promise.all([3, 4, 5, 6].map((one) => crypto.digestB64u(crypto.utf8(`directory ${one}`))));
const fifth = {
  version: 7,
  prev: between[3],
  chain: await crypto.foldChain(memory.directory.chain, [memory.directory.hash, ...between]),
};
const hashes = { from: 2, hashes: [memory.directory.hash, ...between] };
/** A policy, and a directory that names it. */
async function named(token, more = {}) {
  const { payload, hash } = await crypto.parsePolicy(await token);
  const next = { ...following, policy: { version: payload.version, hash } };
  return { changes: { policy: await token, directory: await directory(next, 'directory1') }, ...more };
}
/** A next root, and a policy and directory of that moment under it. */
async function underNewer(times, more) {
  const at = { ...lasting(NOW, YEAR), ...times };
  const policyToken = await policy(
    { version: 2, prev: memory.policy.hash, root_version: 2, ...at },
    'policy1',
    'policy2',
  );
  const { payload, hash } = await crypto.parsePolicy(policyToken);
  const expires = crypto.timestampOf(crypto.secondsOf(at.issued) + 90 * DAY);
  const then = { root_version: 2, issued: at.issued, expires, policy: { version: payload.version, hash } };
  const directoryToken = await directory({ ...following, ...then }, 'directory1');
  const { changes } = await chain(root({ version: 2, ...at }, 'root1', 'root2'));
  return { changes: { ...changes, policy: policyToken, directory: directoryToken }, ...more };
}
const next = following;

const page = (name, plans) =>
  plans.map(([title, result, check, make]) => ({ page: name, name: title, result, ...(check && { check }), make }));

await trust.add(
  page('root', [
    ['version 1 by two of three', 'valid', '', async () => ({ changes: {} })],
    [
      'new keys that two of the old and both of the new signed',
      'valid',
      '',
      () => chain(root(rotate, 'root1', 'root3', 'root4', 'root5')),
    ],
    [
      'an expired version on the way',
      'valid',
      '',
      () =>
        chain(
          root({ version: 2, ...LATER, expires: crypto.timestampOf(NOW - 1) }, 'root1', 'root2'),
          root({ version: 3, ...LATER }, 'root1', 'root2'),
        ),
    ],
    [
      'a newer root with the documents of before, which who has seen those passes over',
      'valid',
      '',
      async () => ({ ...(await chain(root({ version: 2, ...LATER }, 'root1', 'root2'))), memory, root: 1 }),
    ],
    ['a newer root with its policy and directory', 'valid', '', () => underNewer({}, { memory })],
    [
      'a newer root with a policy of before',
      'trust_rollback',
      'policy-root-version',
      async () => {
        const { changes } = await underNewer({}, { memory });
        const later = { ...following, ...lasting(NOW, 90 * DAY), root_version: 2 };
        return { changes: { roots: changes.roots, directory: await directory(later, 'directory1') }, memory };
      },
    ],
    [
      'a root that is dated ahead, with the documents of before',
      'valid',
      '',
      async () => ({ ...(await chain(root({ version: 2, ...lasting(NOW + 61, YEAR) }, 'root1', 'root2'))), root: 1 }),
    ],
    ['a root of a minute ahead with its documents', 'valid', '', () => underNewer(lasting(NOW + 60, YEAR), { memory })],
    [
      'a root that is dated ahead, with documents under it',
      'clock_skew',
      'root-ahead',
      () => underNewer(lasting(NOW + 61, YEAR), { memory }),
    ],
    ['no root', 'token_malformed', 'root-count', async () => ({ changes: { roots: [] } })],
    [
      'a root that only one of three signed',
      'signature_invalid',
      'root-signatures',
      () => chain(root({ version: 2 }, 'root1')),
    ],
    [
      'a root that the new keys alone signed',
      'signature_invalid',
      'root-signatures',
      () => chain(root(rotate, 'root4', 'root5')),
    ],
    [
      'a root that the old keys alone signed',
      'signature_invalid',
      'root-signatures',
      () => chain(root(rotate, 'root1', 'root2')),
    ],
    [
      'a root that keys of other roles signed',
      'signature_invalid',
      'root-signatures',
      () => chain(root({ version: 2 }, 'root1', 'policy1', 'directory1')),
    ],
    [
      'another root than the pinned one',
      'pin_mismatch',
      'root-pin',
      async () => ({ changes: { roots: [await root({ profile: 'development' }, 'root1', 'root2')] } }),
    ],
    [
      'a chain that starts at version 2',
      'pin_mismatch',
      'root-pin',
      async () => ({ changes: { roots: [await root({ version: 2 }, 'root1', 'root2')] } }),
    ],
    [
      'another organisation in the next version',
      'pin_mismatch',
      'root-organisation',
      () => chain(root({ version: 2, org: 'globex' }, 'root1', 'root2')),
    ],
    ['a version left out', 'trust_rollback', 'root-version', () => chain(root({ version: 3 }, 'root1', 'root2'))],
    ['a version twice', 'trust_rollback', 'root-version', () => chain(documents.roots[0])],
    [
      'a shorter chain than one seen',
      'trust_rollback',
      'root-rollback',
      async () => ({ changes: {}, memory: { ...memory, root: { version: 2, hash: HASH } } }),
    ],
    [
      'another version 1 than the one seen',
      'trust_rollback',
      'root-rollback',
      async () => ({ changes: {}, memory: { ...memory, root: { version: 1, hash: HASH } } }),
    ],
    ['one key twice', 'token_malformed', '', () => chain(twice(root({ version: 2 }, 'root1')))],
    [
      'a threshold that cannot be met',
      'token_malformed',
      '',
      () => chain(root((draft) => (Object.assign(draft, { version: 2 }).roles.root.threshold = 4), 'root1', 'root2')),
    ],
    [
      'a role with a key that is not listed',
      'token_malformed',
      '',
      () => chain(root((draft) => delete Object.assign(draft, { version: 2 }).keys[keys.root3.kid], 'root1', 'root2')),
    ],
    [
      'a key under another kid',
      'key_invalid',
      '',
      () =>
        chain(
          root(
            (draft) => {
              draft.version = 2;
              draft.keys[HASH] = { jwk: keys.root4.publicJwk, alg: 'Ed25519' };
            },
            'root1',
            'root2',
          ),
        ),
    ],
    [
      'a life over 366 days',
      'token_malformed',
      '',
      () => chain(root({ version: 2, ...lasting(NOW, 366 * DAY + 1) }, 'root1', 'root2')),
    ],
    ['white space', 'token_malformed', '', async () => ({ changes: { roots: [`${documents.roots[0]}\n`] } })],
  ]),
);

await trust.add(
  page('policy', [
    [
      'a policy that was issued before its root',
      'signature_invalid',
      'policy-root-life',
      () =>
        named(
          policy({ version: 2, prev: memory.policy.hash, ...lasting(NOW - 30 * DAY - 61, YEAR) }, 'policy1', 'policy2'),
        ),
    ],
    [
      'the next policy, named by the next directory',
      'valid',
      '',
      () => named(policy({ version: 2, prev: memory.policy.hash, chat: [] }, 'policy1', 'policy2'), { memory }),
    ],
    ['one signature of two', 'signature_invalid', 'policy-signatures', () => named(policy({ chat: [] }, 'policy1'))],
    [
      'keys of another role',
      'signature_invalid',
      'policy-signatures',
      () => named(policy({ chat: [] }, 'policy1', 'root1', 'directory1')),
    ],
    [
      'another organisation',
      'token_malformed',
      'policy-organisation',
      () => named(policy({ org: 'globex' }, 'policy1', 'policy2')),
    ],
    [
      'a root that is not in the chain',
      'trust_rollback',
      'policy-root-version',
      () => named(policy({ root_version: 2 }, 'policy1', 'policy2')),
    ],
    [
      'an older version than one seen',
      'trust_rollback',
      'policy-rollback',
      async () => ({ changes: {}, memory: { ...memory, policy: { version: 2, hash: HASH } } }),
    ],
    [
      'the version seen with other content',
      'trust_rollback',
      'policy-fork',
      () => named(policy({ chat: [] }, 'policy1', 'policy2'), { memory }),
    ],
    [
      'a next version after another one',
      'trust_rollback',
      'policy-prev',
      () => named(policy({ version: 2, prev: HASH }, 'policy1', 'policy2'), { memory }),
    ],
    [
      'custody for a bare name',
      'token_malformed',
      '',
      async () => ({ changes: { policy: await policy({ custody: { drafts: 'managed' } }, 'policy1', 'policy2') } }),
    ],
    [
      'a label that lives over a year',
      'token_malformed',
      '',
      async () => ({
        changes: { policy: await policy({ labels: { stable: { groups: [], days: 366 } } }, 'policy1', 'policy2') },
      }),
    ],
    [
      'words of renewers that count for eight days',
      'token_malformed',
      '',
      async () => ({ changes: { policy: await policy({ fresh_days: 8 }, 'policy1', 'policy2') } }),
    ],
    [
      'spec 1, named by the directory',
      'valid',
      '',
      () =>
        named(policy({ spec: '1', version: 2, prev: memory.policy.hash, fresh_days: undefined }, 'policy1', 'policy2')),
    ],
    [
      'spec 1 with days for words of renewers',
      'token_malformed',
      '',
      async () => ({ changes: { policy: await policy({ spec: '1' }, 'policy1', 'policy2') } }),
    ],
    [
      'spec 1 with a label that lives over 90 days',
      'token_malformed',
      '',
      async () => ({
        changes: {
          policy: await policy(
            { spec: '1', fresh_days: undefined, labels: { stable: { groups: [], days: 91 } } },
            'policy1',
            'policy2',
          ),
        },
      }),
    ],
    [
      'witnesses of audit logs, named by the directory',
      'valid',
      '',
      () =>
        named(
          policy(
            { version: 2, prev: memory.policy.hash, witnesses: { quorum: 2, keys: [witness(1), witness(2)] } },
            'policy1',
            'policy2',
          ),
          { memory },
        ),
    ],
    ...[
      ['a quorum of no witness', { quorum: 0, keys: [witness(1)] }],
      ['a quorum that asks for more witnesses than there are', { quorum: 2, keys: [witness(1)] }],
      ['witnesses without a key', { quorum: 1, keys: [] }],
      ['seventeen witnesses', { quorum: 1, keys: Array.from({ length: 17 }, (_, index) => witness(index + 1)) }],
      ['a further member of witnesses', { quorum: 1, keys: [witness(1)], url: 'https://witness.example' }],
      ['two witnesses of one name', { quorum: 1, keys: [witness(1), witness(2, 'witness.example/w1')] }],
      ['two witnesses of one key', { quorum: 1, keys: [witness(1), witness(1, 'witness.example/w2')] }],
      ['a witness called like a log', { quorum: 1, keys: [witness(1, 'urn:bulla:acme:svc:vault/audit/1')] }],
      ['a witness called with a space', { quorum: 1, keys: [witness(1).replace('/w1', ' w1')] }],
      ['a witness whose key signs notes', { quorum: 1, keys: [witness(1, 'witness.example/w1', 1)] }],
      [
        'a witness whose id is that of another key',
        { quorum: 1, keys: [witness(1).replace(/\+[0-9a-f]{8}\+/, '+00000000+')] },
      ],
    ].map(([name, witnesses]) => [
      name,
      'token_malformed',
      '',
      async () => ({ changes: { policy: await policy({ witnesses }, 'policy1', 'policy2') } }),
    ]),
    [
      'spec 1 with witnesses',
      'token_malformed',
      '',
      async () => ({
        changes: {
          policy: await policy(
            { spec: '1', fresh_days: undefined, witnesses: { quorum: 1, keys: [witness(1)] } },
            'policy1',
            'policy2',
          ),
        },
      }),
    ],
    [
      'version 2 without a predecessor',
      'token_malformed',
      '',
      async () => ({ changes: { policy: await policy({ version: 2 }, 'policy1', 'policy2') } }),
    ],
    ['a directory in its place', 'token_malformed', '', async () => ({ changes: { policy: documents.directory } })],
  ]),
);

const swapped =
  (change, more = {}) =>
  async () => ({ changes: { directory: await directory(change, 'directory1') }, ...more });
const entity = (urn, change) => (draft) => change(draft.entities[`urn:bulla:acme:${urn}`], draft);
const device = 'dev:dev_01m8846qn4f4rbrg78kdyan1yj';
const renewerWith = (change) => entity(RENEWER.replace('urn:bulla:acme:', ''), change);

/** The directory with further keys: whose, of which suite and for what. Nobody needs their private halves. */
async function withKeys(...plans) {
  const records = [];
  for (const [urn, suite, pur] of plans) {
    const { kid, alg, publicJwk: jwk } = await crypto.generateKeyPair(suite, 'sig');
    const { nbf, use_until, end } = base.directory.entities[urn].keys[0];
    records.push([urn, { kid, use: 'sig', alg, suite, pur, nbf, use_until, end, jwk }]);
  }
  return swapped((draft) => {
    for (const [urn, record] of records) draft.entities[urn].keys.push(record);
  })();
}
/** The directory with other times, and a renewer's word for it. */
async function renewed(times, claims) {
  const token = await directory(times, 'directory1');
  const { hash } = await crypto.parseDirectory(token);
  const word = { iss: RENEWER, aud: 'urn:bulla:acme', dir: { ver: 2, hash }, iat: NOW, exp: NOW + 5 * DAY };
  const [signer] = signers('renewerFresh');
  const fresh = [await crypto.signDirectoryFreshness({ ...word, purpose: 'directory.fresh', ...claims }, signer)];
  return { changes: { directory: token, fresh } };
}
await trust.add(
  page('directory', [
    ['the directory seen before', 'valid', '', async () => ({ changes: {}, memory })],
    ['the next directory', 'valid', '', swapped(next, { memory })],
    ['a directory five versions on, by the hashes between', 'valid', '', swapped(fifth, { memory, hashes })],
    [
      'a directory five versions on, by all hashes from the first on',
      'valid',
      '',
      swapped(fifth, { memory, hashes: { from: 1, hashes: [FIRST_HASH, ...hashes.hashes] } }),
    ],
    [
      'a directory after one of spec 1, by all hashes from the first on',
      'valid',
      '',
      swapped(fifth, {
        memory: { ...withoutChain(memory), directory: { version: 6, hash: between[3] } },
        hashes: { from: 1, hashes: [FIRST_HASH, ...hashes.hashes] },
      }),
    ],
    [
      'a revocation that leaves after the end of its key',
      'valid',
      '',
      swapped(
        { ...next, revoked: [] },
        { memory: { ...memory, revoked: [{ kid: base.directory.revoked[0].kid, end: NOW }] } },
      ),
    ],
    [
      'keys of another role',
      'signature_invalid',
      'directory-signatures',
      async () => ({ changes: { directory: await directory({}, 'root1', 'policy1', 'directory2') } }),
    ],
    [
      'a changed signature',
      'signature_invalid',
      'directory-signatures',
      async () => ({
        changes: {
          directory: documents.directory.replace(/(?<="signature":")./, (first) => (first === 'A' ? 'B' : 'A')),
        },
      }),
    ],
    [
      'another organisation',
      'token_malformed',
      'directory-organisation',
      swapped({ org: 'globex', entities: {}, withdrawn: [] }),
    ],
    ['a root that is not in the chain', 'trust_rollback', 'directory-root-version', swapped({ root_version: 2 })],
    ['another policy', 'trust_rollback', 'directory-policy', swapped({ policy: { version: 1, hash: HASH } })],
    [
      'its policy under another version',
      'trust_rollback',
      'directory-policy',
      swapped({ policy: { ...base.directory.policy, version: 2 } }),
    ],
    [
      'an older version than one seen',
      'trust_rollback',
      'directory-rollback',
      swapped({ version: 1, prev: undefined, chain: crypto.FIRST_CHAIN }, { memory }),
    ],
    ['the version seen with other content', 'trust_rollback', 'directory-fork', swapped({ kept: [] }, { memory })],
    [
      'a next version after another one',
      'trust_rollback',
      'directory-prev',
      swapped({ version: 3, prev: HASH }, { memory }),
    ],
    ['a revocation lost', 'trust_rollback', 'directory-revoked', swapped({ ...next, revoked: [] }, { memory })],
    [
      'a revocation lost a second before the end of its key',
      'trust_rollback',
      'directory-revoked',
      swapped(
        { ...next, revoked: [] },
        { memory: { ...memory, revoked: [{ kid: base.directory.revoked[0].kid, end: NOW + 1 }] } },
      ),
    ],
    [
      'a withdrawn version back',
      'trust_rollback',
      'directory-withdrawn',
      swapped({ ...next, withdrawn: [{ sub: PROMPT, below: 1 }] }, { memory }),
    ],
    ['five versions on without a hash', 'trust_rollback', 'directory-chain', swapped(fifth, { memory })],
    [
      'five versions on with one hash too few',
      'trust_rollback',
      'directory-chain',
      swapped(fifth, { memory, hashes: { from: 2, hashes: hashes.hashes.slice(0, 4) } }),
    ],
    [
      'five versions on with another directory between',
      'trust_rollback',
      'directory-chain',
      swapped(fifth, { memory, hashes: { from: 2, hashes: hashes.hashes.with(2, HASH) } }),
    ],
    [
      'five versions on from another directory than the one seen',
      'trust_rollback',
      'directory-chain',
      swapped(fifth, { memory: { ...memory, directory: { ...memory.directory, hash: HASH } }, hashes }),
    ],
    [
      'five versions on from where the one seen stood in another chain',
      'trust_rollback',
      'directory-chain',
      swapped(fifth, { memory: { ...memory, directory: { ...memory.directory, chain: HASH } }, hashes }),
    ],
    [
      'five versions on with another one before than the hashes say',
      'trust_rollback',
      'directory-chain',
      swapped({ ...fifth, prev: HASH }, { memory, hashes }),
    ],
    [
      'a next directory of another chain',
      'trust_rollback',
      'directory-chain',
      swapped({ ...next, chain: HASH }, { memory }),
    ],
    [
      'a directory of spec 1 after one that has a chain',
      'trust_rollback',
      'directory-chain',
      swapped((draft) => Object.assign(draft, next, { spec: '1', chain: undefined }), { memory }),
    ],
    [
      'a directory of spec 1',
      'trust_expired',
      'directory-spec',
      swapped((draft) => Object.assign(draft, { spec: '1', chain: undefined })),
    ],
    ['spec 2 without a chain', 'token_malformed', '', swapped((draft) => Object.assign(draft, { chain: undefined }))],
    [
      'version 1 with a chain that does not begin with zeros',
      'token_malformed',
      '',
      swapped({ version: 1, prev: undefined }),
    ],
    [
      'a chain behind the entities',
      'token_malformed',
      '',
      async () => ({ changes: { directory: await turned(base.directory) } }),
    ],
    [
      'a key for checkpoints of the vault, and one of a responder',
      'valid',
      '',
      () => withKeys([VAULT, 'ed25519', ['checkpoint']], [RESPONDER, 'ed25519', ['checkpoint']]),
    ],
    [
      'a key for checkpoints that signs envelopes, too',
      'key_invalid',
      '',
      () => withKeys([VAULT, 'ed25519', ['envelope', 'checkpoint']]),
    ],
    [
      'a key for checkpoints of another suite',
      'key_invalid',
      '',
      () => withKeys([RESPONDER, 'rsa2048', ['checkpoint']]),
    ],
    ['a key for checkpoints of a device', 'token_malformed', '', () => withKeys([DEVICE, 'ed25519', ['checkpoint']])],
    ['a key for checkpoints of a renewer', 'token_malformed', '', () => withKeys([RENEWER, 'ed25519', ['checkpoint']])],
    ['a date in the future', 'clock_skew', 'document-issued', swapped(lasting(NOW + 61, DAY))],
    ['a directory that has expired', 'trust_expired', 'trust-fresh', swapped({ expires: crypto.timestampOf(NOW) })],
    ['a life over 90 days', 'token_malformed', '', swapped(lasting(NOW, 90 * DAY + 1))],
    [
      'a directory of the last second of its root',
      'valid',
      '',
      () => chain(root({ version: 2, ...lasting(NOW - 4560, YEAR) }, 'root1', 'root2')),
    ],
    [
      'a directory that was issued after its root had been replaced',
      'signature_invalid',
      'directory-root-life',
      () => chain(root({ version: 2, ...lasting(NOW - 4561, YEAR) }, 'root1', 'root2')),
    ],
    [
      'a directory that was issued after its root had expired',
      'signature_invalid',
      'directory-root-life',
      async () => {
        const expired = { version: 2, ...lasting(NOW - DAY, DAY - 3661) };
        const { roots } = (await chain(root(expired, 'root1', 'root2'))).changes;
        return { changes: { roots, directory: await directory({ root_version: 2 }, 'directory1') } };
      },
    ],
    [
      'a directory that was issued before its root',
      'signature_invalid',
      'directory-root-life',
      swapped(lasting(NOW - 30 * DAY - 61, 90 * DAY)),
    ],
    [
      'a directory of five days ago, without a word of a renewer',
      'trust_expired',
      'directory-fresh',
      swapped(lasting(NOW - 5 * DAY, 90 * DAY)),
    ],
    [
      'a directory of five days ago that a renewer calls the newest',
      'valid',
      '',
      () => renewed(lasting(NOW - 5 * DAY, 90 * DAY), {}),
    ],
    [
      'a directory that a renewer called the newest five days ago',
      'trust_expired',
      'directory-fresh',
      () => renewed(lasting(NOW - 6 * DAY, 90 * DAY), { iat: NOW - 5 * DAY, exp: NOW + DAY }),
    ],
    [
      'a directory that a renewer calls the newest ahead of time',
      'clock_skew',
      'fresh-issued',
      () => renewed(lasting(NOW - 5 * DAY, 90 * DAY), { iat: NOW + 61 }),
    ],
    [
      'a directory of five days ago, where a renewer has another one',
      'trust_rollback',
      'fresh-fork',
      () => renewed(lasting(NOW - 5 * DAY, 90 * DAY), { dir: { ver: 2, hash: HASH } }),
    ],
    [
      'a directory of five days ago, where a renewer has a newer one',
      'trust_expired',
      'directory-fresh',
      () => renewed(lasting(NOW - 5 * DAY, 90 * DAY), { dir: { ver: 3, hash: HASH } }),
    ],
    [
      'a fresh directory, whatever a renewer says of another one',
      'valid',
      '',
      () => renewed(lasting(NOW - DAY, 90 * DAY), { dir: { ver: 2, hash: HASH } }),
    ],
    [
      'a key for freshness of a device that is no renewer',
      'token_malformed',
      '',
      swapped(entity(device, (one) => one.keys[0].pur.push('fresh'))),
    ],
    [
      'a vault that signs contents and requests with one key',
      'token_malformed',
      '',
      swapped(entity('svc:vault', (one) => one.keys[0].pur.push('content'))),
    ],
    ['a renewer with another role', 'token_malformed', '', swapped(renewerWith((one) => one.roles.push('author')))],
    ['a renewer in a group', 'token_malformed', '', swapped(renewerWith((one) => one.groups.push('grp:authors')))],
    [
      'a renewer that is a device of a person',
      'token_malformed',
      '',
      swapped(
        renewerWith((one, draft) => {
          one.user = draft.entities[`urn:bulla:acme:${device}`].user;
        }),
      ),
    ],
    [
      "a renewer's key for two things",
      'token_malformed',
      '',
      swapped(renewerWith((one) => one.keys[0].pur.push('fresh'))),
    ],
    [
      'an entity of another organisation',
      'token_malformed',
      '',
      swapped(
        entity(device, (one, draft) => {
          draft.entities['urn:bulla:globex:dev:dev_01m8846qn4f4rbrg78kdyan1yj'] = one;
        }),
      ),
    ],
    [
      'a device called a responder',
      'token_malformed',
      '',
      swapped(
        entity(device, (one, draft) => {
          delete draft.entities[`urn:bulla:acme:${device}`];
          draft.entities['urn:bulla:acme:svc:responder:eu2'] = one;
        }),
      ),
    ],
    [
      'a device key that signs envelopes',
      'token_malformed',
      '',
      swapped(entity(device, (one) => one.keys[0].pur.push('envelope'))),
    ],
    [
      'a responder that is an owner',
      'token_malformed',
      '',
      swapped(entity('svc:responder:eu1', (one) => one.roles.push('owner'))),
    ],
    [
      'one key under two entities',
      'token_malformed',
      '',
      swapped(entity(device, (one, draft) => one.keys.push(draft.entities['urn:bulla:acme:svc:vault'].keys[0]))),
    ],
    [
      'a key under another kid',
      'key_invalid',
      '',
      swapped(
        entity(device, (one) => {
          one.keys[0].kid = HASH;
        }),
      ),
    ],
    [
      'a key whose use ends before it starts',
      'key_invalid',
      '',
      swapped(
        entity(device, (one) => {
          one.keys[0].use_until = 0;
        }),
      ),
    ],
  ]),
);

/** Memory of a directory that has no chain. */
function withoutChain(seen) {
  const { version, hash } = seen.directory;
  return {
    root: seen.root,
    policy: seen.policy,
    revoked: seen.revoked,
    withdrawn: seen.withdrawn,
    directory: { version, hash },
  };
}

/** A directory whose chain stands behind its entities. */
async function turned({ chain: last, ...payload }) {
  const signer = signers('directory1')[0];
  const encoded = crypto.encodeBase64url(crypto.utf8(JSON.stringify({ ...payload, chain: last })));
  const header = { alg: 'Ed25519', typ: 'bulla-directory+jws', kid: signer.kid };
  const sealed = crypto.encodeBase64url(crypto.utf8(JSON.stringify(header)));
  const signature = crypto.encodeBase64url(await signer.sign(crypto.utf8(`${sealed}.${encoded}`)));
  return JSON.stringify({ payload: encoded, signatures: [{ protected: sealed, signature }] });
}

async function twice(token) {
  const { payload, signatures } = JSON.parse(await token);
  return JSON.stringify({ payload, signatures: [...signatures, ...signatures] });
}

const acme = await loadOrganisation('acme');
const globex = await loadOrganisation('globex');
const tags = await open('tag', async () => ({ format: 'tag', cases: [] }));
const CHASH = await crypto.tokenHash('a content');
const tagBy = async (name, changes = {}) =>
  crypto.signTag({ ...exampleTag(acme, CHASH, { iss: acme.urn(name) }), ...changes }, await acme.signer(name));
const production = { tag: 'production' };
const stable = { tag: 'stable' };
const tagPlan = ([name, result, check, make, label = 'latest']) => ({
  name,
  result,
  ...(check && { check }),
  make: async () => ({ tokens: await Promise.all(make()), label }),
});
await tags.add(
  [
    ['a tag of latest, RSA-2048', 'valid', '', () => [tagBy('owner')]],
    [
      'a label that two users signed',
      'valid',
      '',
      () => [tagBy('owner', production), tagBy('releaser', production)],
      'production',
    ],
    ['a changed signature', 'signature_invalid', 'tag-signature', () => [changedTag(tagBy('owner'))]],
    ['a key of another organisation', 'key_unknown', 'tag-key', () => [foreignTag()]],
    ['a key that is not for tags', 'key_unknown', 'tag-key', () => [tagBy('vault')]],
    ['a revoked key', 'forbidden', 'tag-threshold', () => [tagBy('leaver')]],
    ['a suite that the policy does not list', 'forbidden', 'tag-threshold', () => [tagBy('stranger')]],
    [
      'an issuer who does not hold the key',
      'envelope_tampered',
      'tag-issuer',
      () => [tagBy('owner', { iss: acme.urn('releaser') })],
    ],
    ['another organisation', 'envelope_tampered', 'tag-audience', () => [tagBy('owner', { aud: 'urn:bulla:globex' })]],
    [
      'a prompt of another organisation',
      'envelope_tampered',
      'tag-prompt',
      () => [tagBy('owner', { sub: PROMPT.replace('acme', 'globex') })],
    ],
    ['another name', 'envelope_tampered', 'tag-name', () => [tagBy('owner', { name: 'claims/other' })]],
    ['another label', 'envelope_tampered', 'tag-name', () => [tagBy('owner', production)]],
    ['a device outside the authors of the name', 'forbidden', 'tag-threshold', () => [tagBy('guest')]],
    [
      'a life over a year',
      'token_malformed',
      'tag-life',
      () => [tagBy('owner', { iat: NOW, exp: NOW + 365 * DAY + 1 })],
    ],
    ['an end before its beginning', 'token_malformed', 'tag-life', () => [tagBy('owner', { iat: NOW, exp: NOW })]],
    [
      'a tag within the days of its label',
      'valid',
      '',
      () => [tagBy('owner', { ...stable, iat: NOW - 30 * DAY + 1, exp: NOW + 300 * DAY })],
      'stable',
    ],
    [
      'a tag past the days of its label, whatever end it states',
      'trust_expired',
      'tag-expiry',
      () => [tagBy('owner', { ...stable, iat: NOW - 30 * DAY, exp: NOW + 300 * DAY })],
      'stable',
    ],
    ['a tag of nearly a year ago', 'valid', '', () => [tagBy('owner', { iat: NOW - 364 * DAY, exp: NOW + DAY })]],
    ['a beginning', 'valid', '', () => [tagBy('owner', { seq: 1, prev: '' })]],
    ['a beginning anew under a higher number', 'valid', '', () => [tagBy('owner', { prev: '' })]],
    [
      'a date more than a minute ahead',
      'forbidden',
      'tag-threshold',
      () => [tagBy('owner', { iat: NOW + 61, exp: NOW + DAY })],
    ],
    ['one user of two', 'forbidden', 'tag-threshold', () => [tagBy('owner', production)], 'production'],
    [
      'one user twice',
      'forbidden',
      'tag-threshold',
      () => [tagBy('owner', production), tagBy('owner', production)],
      'production',
    ],
    [
      'two users who do not agree',
      'envelope_tampered',
      'tag-equal',
      () => [tagBy('owner', production), tagBy('releaser', { ...production, seq: 8 })],
      'production',
    ],
    [
      'two users who do not agree on the position before',
      'envelope_tampered',
      'tag-equal',
      () => [tagBy('owner', production), tagBy('releaser', { ...production, prev: CHASH })],
      'production',
    ],
    ['two users of whom one has expired', 'trust_expired', 'tag-expiry', () => oneExpired('releaser'), 'production'],
    [
      'two users and one who may not',
      'valid',
      '',
      () => [tagBy('guest', production), tagBy('owner', production), tagBy('releaser', production)],
      'production',
    ],
    [
      'two users and one whose key was revoked',
      'valid',
      '',
      () => [tagBy('owner', production), tagBy('releaser', production), tagBy('leaver', production)],
      'production',
    ],
    [
      'two users and one who is dated ahead',
      'valid',
      '',
      () => [
        tagBy('owner', production),
        tagBy('releaser', production),
        tagBy('guest', { ...production, iat: NOW + 61, exp: NOW + DAY }),
      ],
      'production',
    ],
    [
      'two users and a forged one',
      'signature_invalid',
      'tag-signature',
      () => [tagBy('owner', production), tagBy('releaser', production), changedTag(tagBy('owner', production))],
      'production',
    ],
    [
      'one user of two, and a key that is not listed',
      'key_unknown',
      'tag-key',
      () => [tagBy('owner', production), foreignTag(production)],
      'production',
    ],
    ['an end that has come', 'trust_expired', 'tag-expiry', () => [tagBy('owner', { iat: NOW - DAY, exp: NOW })]],
    ['a deleted label', 'label_not_found', 'tag-deleted', () => [tagBy('owner', { ver: 0, chash: '' })]],
    ['no tag', 'token_malformed', 'tag-count', () => []],
    ['four parts', 'token_malformed', '', () => [tagBy('owner').then((token) => `${token}.`)]],
  ].map(tagPlan),
);

async function changedTag(token) {
  return (await token).replace(/.(?=.$)/, (last) => (last === 'A' ? 'B' : 'A'));
}

/** One person's tag, and an expired one of another. */
function oneExpired(name) {
  return [tagBy('owner', production), tagBy(name, { ...production, iat: NOW - DAY, exp: NOW })];
}

async function foreignTag(changes = {}) {
  const claims = { ...exampleTag(acme, CHASH, { iss: globex.urn('owner') }), ...changes };
  return crypto.signTag(claims, await globex.signer('owner'));
}
