/**
 * Vectors of the verdict on answer files (docs/spec/evidence.md), with our code and keys that are made for it: answers that
 * vault and responder made together though the documents say no, documents of after their root, tags of after the answer,
 * and newer documents.
 */

import { composeAnswer, cosignDocument, parseDirectory, parsePolicy, timestampOf, Trust } from '@bulla/crypto';

import { makeOrganisation } from '@bulla/crypto/testing';

import { castOfMembers, exchange, tagOf } from '../../crypto/test/answers.ts';
import { envelopeClaims } from '../../crypto/test/exchange.ts';
import { NOW } from '../../crypto/test/organisation.ts';
import { isPublished, read, write } from './published.mjs';

const FILE = 'verdict.json';
const DAY = 86_400;
const PROMPT = 'prm_01kbz2p8e4fxq9m3y7t5w6v8na';

const unshown = ['question', 'revoked-since'];
const make = (policy = {}) => makeOrganisation({ now: NOW, suite: 'p256', policy });

/** One file beside what its verifier has. */
function input({ pin }, { parts }, { now = NOW + DAY, documents, newer } = {}) {
  const file = composeAnswer({ ...parts, documents: { ...parts.documents, ...documents } });
  if (newer === undefined) return { file, pin, now };
  const { org, memory, directoryRef } = newer;
  const { roots, policy, directory } = newer.documents;
  const hashes = { from: 1, hashes: [...(memory.hashes ?? []), directoryRef.hash] };
  return { file, pin, now, newer: { org, documents: { roots, policy, directory }, hashes } };
}
const valid = (trust, not_looked_for = unshown, profile = trust.profile) => ({
  ok: { verdict: `VALID as of ${trust.directory.issued}`, profile, not_looked_for },
});
const revoked = (since, not_looked_for = ['question']) => ({
  ok: { verdict: `REVOKED SINCE ${since}`, profile: 'development', not_looked_for },
});
const refused = (code, check) => ({ refused: code, check });

async function answered(by, plan = {}, at = by.now) {
  return exchange({ ...(await castOfMembers(by, PROMPT)), now: at }, by.author, plan);
}

const cases = [];
const add = (name, given, expected) => void cases.push({ op: 'verify', name, input: given, expected });

async function withNewer() {
  const acme = await make();
  const first = acme.trust;
  const made = await answered(acme);
  add('no newer documents', input(acme, made), valid(first));
  add('the same documents', input(acme, made, { newer: first }), valid(first));
  const next = await acme.publish(() => undefined, NOW + 60);
  add('a newer directory that keeps every key', input(acme, made, { newer: next }), valid(first, ['question']));
  const later = await answered(acme, {}, NOW + 120);
  add('documents that are older than the answer', input(acme, later, { newer: first }), valid(next));
  const { kid } = acme.vault.signer;
  const revoking = await acme.publish(
    (draft) => draft.revoked.push({ kid, reason: 'keyCompromise', at: NOW + 3600 }),
    NOW + 3600,
  );
  add(
    'a newer directory that revokes the key of the envelope',
    input(acme, made, { newer: revoking }),
    revoked(revoking.directory.issued),
  );
  const dropping = await acme.publish((draft) => {
    const { [acme.author.urn]: _author, ...others } = draft.entities;
    draft.entities = others;
  }, NOW + 7200);
  add(
    'a newer directory without the key of the tag',
    input(acme, made, { newer: dropping }),
    revoked(dropping.directory.issued),
  );
  const globex = await makeOrganisation({ org: 'globex', now: NOW, suite: 'p256' });
  const ofAnother = {
    ...input(acme, made),
    newer: input(globex, made, { newer: globex.trust }).newer,
  };
  add('newer documents of another organisation', ofAnother, refused('pin_mismatch', 'root-pin'));
}

/** An organisation whose second root has other keys for the directory, and the roots there are then. */
async function rotated() {
  const acme = await make();
  const globex = await makeOrganisation({ org: 'globex', now: NOW, suite: 'p256' });
  const made = await answered(acme);
  const root = structuredClone(acme.trust.root);
  Object.assign(root.keys, globex.trust.root.keys);
  root.roles.directory = globex.trust.root.roles.directory;
  const times = (at) => ({ issued: timestampOf(at), expires: timestampOf(at + 365 * DAY) });
  const second = { ...root, ...times(NOW + 3600), version: 2 };
  const third = { ...root, ...times(NOW + 7200), version: 3 };
  const roots = [...acme.documents.roots, await acme.sign('root', second), await acme.sign('root', third)];
  return { acme, made, roots, second, third, newSigners: globex.signers.directory };
}

async function withRoots() {
  const { acme, made, roots, second, third, newSigners } = await rotated();
  const own = { documents: { roots } };
  add('a later root in the file that dropped the keys of its directory', input(acme, made, own), revoked(third.issued));
  const two = { documents: { roots: roots.slice(0, 2) } };
  add('the root before in the file', input(acme, made, two), revoked(second.issued));
  const [cosigner] = newSigners;
  if (cosigner === undefined) throw new Error('the new role has no key');
  const directory = await cosignDocument(acme.documents.directory, cosigner);
  const { org, pin, trust } = acme;
  const known = { ...acme.documents, directory, roots: roots.slice(0, 2) };
  const newer = await Trust.establish(known, { org, pin, now: NOW + DAY, acceptExpired: true, previous: trust });
  add(
    'a later root in the file than those of newer documents',
    input(acme, made, { ...own, newer }),
    revoked(third.issued),
  );
  const { expires } = acme.trust.root;
  const end = Date.parse(expires) / 1000;
  for (const [name, at, documents, check] of [
    ['a policy and directory of after the end of their root', end + 61, {}, 'policy-root-life'],
    ['a policy and directory of after the next root', NOW + 4561, { roots }, 'policy-root-life'],
  ]) {
    const { shown, exchanged } = await documentsOf(acme, at, at);
    add(
      name,
      input(acme, exchanged, { now: at + DAY, documents: { ...shown, ...documents } }),
      refused('signature_invalid', check),
    );
  }
  const { shown, exchanged } = await documentsOf(acme, NOW + 60, NOW + 4561);
  const late = input(acme, exchanged, { now: NOW + DAY, documents: { ...shown, roots } });
  add('a directory of after the next root', late, refused('signature_invalid', 'directory-root-life'));
  const plain = await make();
  const before = await answered(plain);
  const production = await plain.publishRoot((draft) => (draft.profile = 'production'), NOW + 60);
  const appended = input(plain, before, { documents: { roots: production.documents.roots } });
  add(
    'a development organisation whose later root is production',
    appended,
    valid(plain.trust, unshown, 'development'),
  );
}

/** Documents of these times by the first root's keys, and an answer under them. */
async function documentsOf(acme, policyAt, at) {
  const times = (from, days) => ({
    issued: timestampOf(from),
    expires: timestampOf(from + days * DAY),
  });
  const policy = await acme.sign('policy', { ...acme.trust.policy, ...times(policyAt, 300) });
  const named = { version: acme.trust.policy.version, hash: (await parsePolicy(policy)).hash };
  const directory = await acme.sign('directory', { ...acme.trust.directory, ...times(at, 60), policy: named });
  const dir = { ver: acme.trust.directory.version, hash: (await parseDirectory(directory)).hash };
  const exchanged = await answered(acme, { fin: { dir, iat: at + 65 } }, at + 60);
  return { shown: { policy, directory }, exchanged };
}

async function forbidden() {
  const plans = [
    [
      'an asker whom the directory does not list',
      ({ invoker }) =>
        (draft) =>
          delete draft.entities[invoker.urn],
      'forbidden',
      'asker-listed',
    ],
    [
      'an asker without the role',
      ({ invoker }) =>
        (draft) =>
          Object.assign(draft.entities[invoker.urn] ?? {}, { roles: ['author'] }),
      'forbidden',
      'asker-role',
    ],
    [
      'an asker whose key is revoked',
      ({ invoker }) =>
        (draft) =>
          draft.revoked.push({ kid: invoker.signer.kid, reason: 'keyCompromise', at: NOW - 3600 }),
      'key_revoked',
      'asker-key',
    ],
    [
      'a version that is withdrawn',
      () => (draft) => draft.withdrawn.push({ sub: `urn:bulla:acme:prompt:${PROMPT}`, below: 4 }),
      'forbidden',
      'version-withdrawn',
    ],
  ];
  for (const [name, change, code, check] of plans) {
    const acme = await make();
    await acme.publish(change(acme));
    add(name, input(acme, await answered(acme)), refused(code, check));
  }
  const acme = await make();
  await acme.publishPolicy((draft) => (draft.expires = timestampOf(NOW + 3600)));
  add('a policy in its last minute', input(acme, await answered(acme, {}, NOW + 3659)), valid(acme.trust));
  add(
    'a policy that had expired',
    input(acme, await answered(acme, {}, NOW + 3660)),
    refused('trust_expired', 'policy-expired'),
  );
}

async function otherKeys() {
  const acme = await make();
  const cast = await castOfMembers(acme, PROMPT);
  const [stranger] = (await makeOrganisation({ org: 'globex', now: NOW, suite: 'p256' })).responders;
  const askedWith = async (signer) => {
    const by = { ...cast, asker: { ...cast.asker, signer } };
    return input(acme, await exchange(by, acme.author));
  };
  add(
    'an asker with the key of another',
    await askedWith(acme.owner.signer),
    refused('envelope_tampered', 'asker-key'),
  );
  add('an asker with a key that nobody lists', await askedWith(stranger.signer), refused('key_unknown', 'asker-key'));
  const early = await answered(acme, {}, NOW - 3600);
  add('a reply of before its directory', input(acme, early), refused('envelope_tampered', 'reply-time'));
  const made = input(acme, await answered(acme));
  const [delta] = JSON.parse(made.file).evidence.deltas;
  const cut = { ...made, file: made.file.replace(delta, 'A') };
  add('a delta that is no base64url', cut, refused('token_malformed', 'deltas'));
  const { org, pin, documents, trust } = acme;
  const directory = await acme.sign('directory', { ...trust.directory, kept: ['A'.repeat(43)] });
  const fork = await Trust.establish({ ...documents, directory }, { org, pin, now: NOW });
  add(
    'newer documents of another branch',
    input(acme, await answered(acme), { newer: fork }),
    refused('trust_rollback', 'revoked-since'),
  );
}

async function keysPastTheirUse() {
  const acme = await make();
  const [{ urn: responder }] = acme.responders;
  const deactivate = (urn, from) => (draft) => {
    for (const record of draft.entities[urn].keys)
      if (record.use === 'sig') Object.assign(record, { nbf: from - 90 * DAY, use_until: from });
  };
  await acme.publish(deactivate(acme.author.urn, NOW - DAY));
  const cast = await castOfMembers(acme, PROMPT);
  const envelope = envelopeClaims(cast);
  const taggedAt = async (iat) => {
    const tags = [await tagOf(cast, envelope, acme.author, { iat, exp: NOW + 30 * DAY })];
    return input(acme, await exchange(cast, acme.author, { envelope, tags }));
  };
  const last = NOW - DAY + 300;
  add('a tag of five minutes after the use of its key', await taggedAt(last), valid(acme.trust));
  add('a tag of later than that', await taggedAt(last + 1), refused('forbidden', 'tag-threshold'));
  await acme.publish(deactivate(responder, NOW - 3600));
  const repliedAt = (iat) => exchange({ ...cast, trust: acme.trust, now: iat - 5 }, acme.owner, { fin: { iat } });
  add('a reply of an hour after the use of its key', input(acme, await repliedAt(NOW + 300)), valid(acme.trust));
  const late = input(acme, await repliedAt(NOW + 301));
  add('a reply of later than that', late, refused('key_revoked', 'reply-key-time'));
  const dir = { ver: acme.trust.directoryRef.ver, hash: 'A'.repeat(43) };
  const forked = await exchange({ ...cast, trust: acme.trust }, acme.owner, { fin: { dir } });
  add(
    'a reply under another directory of the same version',
    input(acme, forked),
    refused('envelope_tampered', 'reply-directory'),
  );
}

async function inProduction() {
  const acme = await makeOrganisation({ now: NOW, suite: 'p256', profile: 'production' });
  add('an organisation in production', input(acme, await answered(acme)), valid(acme.trust, unshown, 'production'));
}

async function shownQuestions() {
  const acme = await make();
  const before = acme.trust;
  const made = await answered(acme);
  const other = await answered(acme);
  const showing = ({ asked }, of = made) => input(acme, { parts: { ...of.parts, invocation: asked.sealed.inner } });
  add('a question that is shown', showing(made), valid(acme.trust, ['revoked-since']));
  add('the question of another answer', showing(other), refused('envelope_tampered', 'reply-question-signed'));
  const renamed = await answered(acme, { fin: { act: 'key_1' } });
  add(
    'a question without the API key that the reply names',
    showing(renamed, renamed),
    refused('envelope_tampered', 'reply-act'),
  );
  const { kid } = acme.invoker.signer;
  const at = NOW + 3600;
  const newer = await acme.publish((draft) => draft.revoked.push({ kid, reason: 'keyCompromise', at }), at);
  const shown = { parts: { ...made.parts, invocation: made.asked.sealed.inner } };
  add(
    'a newer directory that revokes the key of the question',
    input(acme, shown, { newer }),
    revoked(newer.directory.issued, []),
  );
  add('the same where the question is not shown', input(acme, made, { newer }), valid(before, ['question']));
}

/** Tags that are passed over: what becomes of their keys, and what they are called. */
async function passedOver() {
  const acme = await make();
  const globex = await makeOrganisation({ org: 'globex', now: NOW, suite: 'p256' });
  const cast = await castOfMembers(acme, PROMPT);
  const envelope = envelopeClaims(cast);
  const tag = ({ signer }, by = acme.author, iat = NOW - 60) =>
    tagOf(cast, envelope, { urn: by.urn, signer }, { iat, exp: NOW + 30 * DAY });
  const beside = async (...tags) => exchange(cast, acme.author, { envelope, tags: await Promise.all(tags) });
  const { trust } = acme;
  const unlisted = await beside(tag(acme.author), tag(globex.author));
  const late = await beside(tag(acme.author), tag(acme.owner, acme.owner, NOW + 3 * DAY));
  const stranger = await beside(tag(acme.invoker, acme.invoker, NOW + 3 * DAY));
  const at = NOW + 4 * DAY;
  const { kid } = acme.owner.signer;
  const newer = await acme.publish((draft) => draft.revoked.push({ kid, reason: 'superseded', at }), at);
  const now = NOW + 5 * DAY;
  add('a further tag of a key that nobody lists', input(acme, unlisted, { now, newer }), valid(trust, ['question']));
  add('a revoked key of a tag that does not count', input(acme, late, { now, newer }), revoked(newer.directory.issued));
  add(
    'a later tag of somebody who may not sign',
    input(acme, stranger, { now }),
    refused('forbidden', 'tag-threshold'),
  );
}

async function beforeItsDirectory() {
  const acme = await make();
  const issued = Date.parse(acme.trust.directory.issued) / 1000;
  for (const [name, seconds, expected] of [
    ['a reply of a minute before its directory', 60, valid(acme.trust)],
    ['a reply of more than that before its directory', 61, refused('envelope_tampered', 'reply-time')],
  ])
    add(name, input(acme, await answered(acme, { fin: { iat: issued - seconds } }, issued - seconds - 5)), expected);
}

async function surplusSignature() {
  const quorums = { directory: { keys: 2, threshold: 1 } };
  const acme = await makeOrganisation({ now: NOW, suite: 'p256', quorums });
  const made = await answered(acme);
  const document = JSON.parse(acme.documents.directory);
  const [first, second] = document.signatures;
  second.signature = first.signature;
  const documents = { directory: JSON.stringify(document) };
  add(
    'a bad signature beyond those needed',
    input(acme, made, { documents }),
    refused('signature_invalid', 'document-signatures'),
  );
}

async function lateTags() {
  const acme = await make({ labels: { production: { groups: ['grp:release'], threshold: 2 } } });
  const cast = await castOfMembers(acme, PROMPT);
  const envelope = envelopeClaims(cast);
  const tag = (by, iat = NOW - 60) => tagOf(cast, envelope, acme[by], { tag: 'production', iat, exp: NOW + 30 * DAY });
  const beside = async (...tags) => {
    const plan = { envelope, tags: await Promise.all(tags), fin: { iat: NOW + 5 } };
    return input(acme, await exchange(cast, acme.author, plan), { now: NOW + 4 * DAY });
  };
  add('tags of two people', await beside(tag('author'), tag('owner')), valid(acme.trust));
  add('a tag of a minute after the answer', await beside(tag('author'), tag('owner', NOW + 65)), valid(acme.trust));
  add(
    'a tag of later than that',
    await beside(tag('author'), tag('owner', NOW + 66)),
    refused('forbidden', 'tag-time'),
  );
  add(
    'tags of days after the answer',
    await beside(tag('author', NOW + 3 * DAY), tag('owner', NOW + 3 * DAY)),
    refused('forbidden', 'tag-time'),
  );
  add(
    'a later tag beside enough',
    await beside(tag('author'), tag('owner'), tag('author', NOW + 3 * DAY)),
    valid(acme.trust),
  );
  add('too few tags, and none later', await beside(tag('author')), refused('forbidden', 'tag-threshold'));
}

for (const group of [
  withNewer,
  withRoots,
  forbidden,
  lateTags,
  otherKeys,
  surplusSignature,
  keysPastTheirUse,
  inProduction,
  shownQuestions,
  passedOver,
  beforeItsDirectory,
])
  await group();
const { cases: published } = isPublished(FILE) ? read(FILE) : { cases: [] };
const isNew = ({ name }) => published.every((one) => one.name !== name);
write(FILE, { format: 'verdict', values: {}, cases: [...published, ...cases.filter(isNew)] });
