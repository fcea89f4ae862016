/** Golden vectors of statements, contents, grants, envelopes and bundles, valid and refused, with our code. */
import * as crypto from '@bulla/crypto';
import {
  example,
  exampleChatEnvelope,
  exampleEnvelope,
  exampleStatement,
  exampleTag,
  NAME,
  promptOf,
} from '../../crypto/test/examples.ts';
import { KEPT, loadOrganisation, NOW } from '../../crypto/test/organisation.ts';
import { headerFor, rawJwe, rawJws, withPart } from '../../crypto/test/raw-token.ts';
import { addCases, read } from './published.mjs';

const acme = await loadOrganisation('acme');
const globex = await loadOrganisation('globex');
const owner = await acme.signer('owner');
const vault = await acme.signer('vault');
const PROMPT = 'bulla-prompt+jwt';
const ENVELOPE = 'bulla-envelope+jwt';

function lastCharacterChanged(token) {
  // The last character of 2048 and 3072 bit signatures and of 16-byte tags has unused bits: change the one before.
  const at = token.length - 2;
  return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
}

const expect = { sub: promptOf(acme), name: NAME, ver: 3 };
const chash = await crypto.tokenHash('a content');
const statementBy = async (name, changes = {}, key = 'sig') =>
  crypto.signStatement(exampleStatement(acme, { iss: acme.urn(name), ...changes }), await acme.signer(name, key));
const statementCase =
  (token, changes = {}) =>
  async () => ({ token: await token(), chash, expect, ...changes });
const managed = { name: 'open/faq', custody: 'managed' };
/** Entries of attachments; what they stand for is in the vectors of that format. */
const policyFile = { id: 'policy.pdf', key: `${'k'.repeat(42)}A`, size: 48_213, hash: `${'h'.repeat(42)}A` };
const photo = { id: 'photo-1.jpeg', key: `${'K'.repeat(42)}A`, size: 0, hash: `${'H'.repeat(42)}A` };
const attaching = (...attachments) =>
  statementCase(() => rawJws(headerFor(PROMPT, owner), { ...exampleStatement(acme), attachments }, owner));

await addCases('statement', [
  ['an author with an RSA-2048 key', 'valid', '', statementCase(() => statementBy('owner'))],
  ['an author with an Ed25519 key', 'valid', '', statementCase(() => statementBy('releaser'))],
  ['an author whose key no longer signs', 'valid', '', statementCase(() => statementBy('veteran'))],
  ['kept content of a revoked author', 'valid', '', statementCase(() => statementBy('leaver'), { chash: KEPT })],
  [
    'a key id with idle bits set',
    'token_malformed',
    '',
    statementCase(() =>
      rawJws({ ...headerFor(PROMPT, owner), kid: `${'A'.repeat(42)}B` }, exampleStatement(acme), owner),
    ),
  ],
  [
    'kept content in a suite that the policy dropped, RSA-3072',
    'valid',
    '',
    statementCase(() => statementBy('stranger'), { chash: KEPT }),
  ],
  [
    'the vault under a managed name',
    'valid',
    '',
    statementCase(() => statementBy('vault', managed, 'content'), { expect: { ...expect, name: managed.name } }),
  ],
  [
    'a changed signature',
    'signature_invalid',
    'statement-signature',
    statementCase(async () => lastCharacterChanged(await statementBy('owner'))),
  ],
  [
    'a key of another organisation',
    'key_unknown',
    'statement-key',
    statementCase(async () => crypto.signStatement(exampleStatement(globex), await globex.signer('owner'))),
  ],
  ['a key that is not for content', 'key_unknown', 'statement-key', statementCase(() => statementBy('browser'))],
  [
    'a revoked author who dates back',
    'key_revoked',
    'statement-key',
    statementCase(() => statementBy('leaver', { iat: NOW - 86_400 })),
  ],
  ['a key past its end', 'key_revoked', 'statement-key', statementCase(() => statementBy('ended'))],
  ['a key before its time', 'key_revoked', 'statement-key', statementCase(() => statementBy('early'))],
  [
    'a suite that the policy does not list',
    'suite_unknown',
    'statement-key',
    statementCase(() => statementBy('stranger')),
  ],
  [
    'an issuer who does not hold the key',
    'envelope_tampered',
    'statement-issuer',
    statementCase(() => crypto.signStatement(exampleStatement(acme, { iss: acme.urn('releaser') }), owner)),
  ],
  [
    'another prompt under the name',
    'envelope_tampered',
    'statement-place',
    statementCase(() => statementBy('owner', { sub: `urn:bulla:acme:prompt:${acme.prompts[1]}` })),
  ],
  [
    'another name',
    'envelope_tampered',
    'statement-place',
    statementCase(() => statementBy('owner', { name: 'claims/other' })),
  ],
  ['another version', 'envelope_tampered', 'statement-place', statementCase(() => statementBy('owner', { ver: 2 }))],
  [
    'another organisation',
    'envelope_tampered',
    'statement-organisation',
    statementCase(() => statementBy('owner', { aud: 'urn:bulla:globex' })),
  ],
  [
    'managed custody under a sealed name',
    'custody_not_allowed',
    'statement-custody',
    statementCase(() => statementBy('owner', { custody: 'managed' })),
  ],
  [
    'the vault under a sealed name',
    'forbidden',
    'statement-author',
    statementCase(() => statementBy('vault', {}, 'content')),
  ],
  [
    'an author outside the groups of the name',
    'forbidden',
    'statement-author',
    statementCase(() => statementBy('guest')),
  ],
  [
    'a member of the groups who is no author',
    'forbidden',
    'statement-author',
    statementCase(() => statementBy('member')),
  ],
  [
    'another type',
    'token_malformed',
    '',
    statementCase(() => rawJws(headerFor('bulla-tag+jwt', owner), exampleStatement(acme), owner)),
  ],
  [
    'a header member more',
    'token_malformed',
    '',
    statementCase(() =>
      rawJws({ ...headerFor(PROMPT, owner), jku: 'https://keys.example' }, exampleStatement(acme), owner),
    ),
  ],
  [
    'no signature algorithm',
    'token_malformed',
    '',
    statementCase(() => rawJws({ ...headerFor(PROMPT, owner), alg: 'none' }, exampleStatement(acme), owner)),
  ],
  [
    'a claim more',
    'token_malformed',
    '',
    statementCase(() => rawJws(headerFor(PROMPT, owner), { ...exampleStatement(acme), exp: NOW }, owner)),
  ],
  [
    'a claim missing',
    'token_malformed',
    '',
    statementCase(() => rawJws(headerFor(PROMPT, owner), { ...exampleStatement(acme), n: undefined }, owner)),
  ],
  [
    'a claim twice',
    'token_malformed',
    '',
    statementCase(() =>
      rawJws(headerFor(PROMPT, owner), JSON.stringify(exampleStatement(acme)).replace('{', '{"ver":3,'), owner),
    ),
  ],
  [
    'white space in the payload',
    'token_malformed',
    '',
    statementCase(() => rawJws(headerFor(PROMPT, owner), JSON.stringify(exampleStatement(acme), null, 1), owner)),
  ],
  [
    'an attachment',
    'token_malformed',
    '',
    statementCase(() =>
      rawJws(
        headerFor(PROMPT, owner),
        { ...exampleStatement(acme), attachments: [{ id: 'a', key: 'A'.repeat(43), size: 1, sha256: 'A'.repeat(43) }] },
        owner,
      ),
    ),
  ],
  ['padding after a part', 'token_malformed', '', statementCase(async () => `${await statementBy('owner')}=`)],
  ['two attachments', 'valid', '', attaching(policyFile, photo)],
  ['two attachments of one name', 'token_malformed', '', attaching(policyFile, { ...photo, id: policyFile.id })],
  ['two attachments under one key', 'token_malformed', '', attaching(policyFile, { ...photo, key: policyFile.key })],
  ['an attachment with a key of 31 bytes', 'token_malformed', '', attaching({ ...photo, key: 'A'.repeat(42) })],
  ['an attachment without its hash', 'token_malformed', '', attaching({ ...photo, hash: undefined })],
  [
    'more than 64 attachments',
    'token_malformed',
    '',
    attaching(
      ...Array.from({ length: 65 }, (_, at) => ({
        ...photo,
        id: `file-${at}`,
        key: Buffer.alloc(32, at).toString('base64url'),
      })),
    ),
  ],
]);

// C, W and E belong together: all later cases are changes of the first content and of the first grant.
const start = await example(acme);
const place = { org: 'acme', sub: promptOf(acme), ver: 3 };
const hexOf = (secret) => crypto.encodeHex(secret.reveal());
await addCases('content', [
  [
    'a sealed statement',
    'valid',
    '',
    () => ({ token: start.sealed.content, key: hexOf(start.sealed.dek), place, plaintext: start.statement }),
  ],
]);
const first = firstOf('content');
const dek = new crypto.Secret(Uint8Array.from(first.key.match(/../g), (hex) => Number.parseInt(hex, 16)));
const contentHeader = crypto.parseContent(first.token).header;
const contentCase =
  (token, changes = {}) =>
  async () => ({ token: await token, key: first.key, place, ...changes });
const contentWith = (change, plaintext = first.plaintext) =>
  rawJwe(
    { ...contentHeader, ...change },
    typeof plaintext === 'string' ? crypto.utf8(plaintext) : plaintext,
    dek.reveal(),
  );

await addCases('content', [
  ['another key', 'open_failed', '', contentCase(first.token, { key: '00'.repeat(32) })],
  ['another organisation', 'open_failed', '', contentCase(first.token, { place: { ...place, org: 'globex' } })],
  [
    'another prompt',
    'open_failed',
    '',
    contentCase(first.token, { place: { ...place, sub: `urn:bulla:acme:prompt:${acme.prompts[1]}` } }),
  ],
  ['another version', 'open_failed', '', contentCase(first.token, { place: { ...place, ver: 4 } })],
  [
    'a header moved to another version',
    'open_failed',
    '',
    contentCase(withPart(first.token, 0, { ...contentHeader, ver: 4 }), { place: { ...place, ver: 4 } }),
  ],
  [
    'a commitment to another plaintext',
    'open_failed',
    '',
    contentCase(contentWith({ cmt: await crypto.tokenHash('another') })),
  ],
  [
    'a plaintext that is not UTF-8',
    'open_failed',
    '',
    contentCase(contentWith({ cmt: await crypto.digestB64u(new Uint8Array([0xff])) }, new Uint8Array([0xff]))),
  ],
  ['a changed tag', 'open_failed', '', contentCase(lastCharacterChanged(first.token))],
  ['another type', 'token_malformed', '', contentCase(contentWith({ typ: 'JWT' }))],
  ['compression', 'token_malformed', '', contentCase(withPart(first.token, 0, { ...contentHeader, zip: 'DEF' }))],
  ['no commitment', 'token_malformed', '', contentCase(contentWith({ cmt: undefined }))],
  ['a commitment to another key', 'open_failed', '', contentCase(contentWith({ dkc: chash }))],
  ['no commitment to its key', 'content_uncommitted', '', contentCase(contentWith({ dkc: undefined }))],
  ['a commitment to its key that is none', 'token_malformed', '', contentCase(contentWith({ dkc: 'x' }))],
  ['an encrypted key beside dir', 'token_malformed', '', contentCase(withPart(first.token, 1, new Uint8Array(32)))],
  ['four parts', 'token_malformed', '', contentCase(first.token.split('.').slice(0, 4).join('.'))],
]);

const { kid: dekId, dkc } = contentHeader;
const grantPlace = { sub: place.sub, ver: 3, dekId, chash: await crypto.tokenHash(first.token), dkc };
const protectedPlace = { ...grantPlace, protectUntil: '2029-12-31' };
const grantTo = (holder, key = dek) => crypto.sealGrant(key, protectedPlace, holder);
const eu1 = acme.holder('eu1', 'enc');
const grantCase =
  (token, changes = {}) =>
  async () => ({
    token: await token,
    opener: 'eu1',
    expect: { urn: eu1.urn, ...grantPlace },
    ...changes,
  });
await addCases('grant', [
  ['the content key to a responder, RSA-2048', 'valid', '', grantCase(grantTo(eu1), { key: first.key })],
  [
    'the content key to the recovery key, RSA-3072',
    'valid',
    '',
    grantCase(grantTo(acme.trust.recoveryRecipient()), {
      key: first.key,
      opener: 'recovery',
      expect: { urn: 'urn:bulla:acme:recovery', ...grantPlace },
    }),
  ],
]);
const grant = firstOf('grant').token;
const grantHeader = crypto.parseGrant(grant).header;
const grantWith = (change, plaintext = dek.reveal()) =>
  rawJwe({ ...grantHeader, ...change }, plaintext, eu1.record.jwk);
const grantFor = (change) => ({ expect: { urn: eu1.urn, ...grantPlace, ...change } });

await addCases('grant', [
  ['a grant to another responder', 'open_failed', '', grantCase(grantTo(acme.holder('us1', 'enc')))],
  [
    'the kid of one responder on a grant to another',
    'open_failed',
    '',
    grantCase(withPart(await grantTo(acme.holder('us1', 'enc')), 0, grantHeader)),
  ],
  ['another audience', 'open_failed', '', grantCase(grantWith({ aud: acme.urn('us1') }))],
  [
    'another prompt',
    'open_failed',
    '',
    grantCase(grant, grantFor({ sub: `urn:bulla:acme:prompt:${acme.prompts[1]}` })),
  ],
  ['another version', 'open_failed', '', grantCase(grant, grantFor({ ver: 4 }))],
  ['another content', 'open_failed', '', grantCase(grant, grantFor({ chash }))],
  ['another content key', 'open_failed', '', grantCase(grant, grantFor({ dekId: `dek_${'0'.repeat(32)}` }))],
  [
    'a header moved to another version',
    'open_failed',
    '',
    grantCase(withPart(grant, 0, { ...grantHeader, ver: 4 }), grantFor({ ver: 4 })),
  ],
  ['a random key under the right header', 'open_failed', '', grantCase(grantWith({}, new Uint8Array(32).fill(7)))],
  ['a commitment to another key than that of the content', 'open_failed', '', grantCase(grantWith({ dkc: chash }))],
  [
    'a content that commits to another key',
    'open_failed',
    '',
    grantCase(grantWith({ dkc: chash }), grantFor({ dkc: chash })),
  ],
  ['no commitment to its key', 'open_failed', '', grantCase(grantWith({ dkc: undefined }))],
  ['a commitment to its key that is none', 'token_malformed', '', grantCase(grantWith({ dkc: 'x' }))],
  ['a content key of 31 bytes', 'open_failed', '', grantCase(grantWith({}, new Uint8Array(31)))],
  ['a content key of 33 bytes', 'open_failed', '', grantCase(grantWith({}, new Uint8Array(33)))],
  ['a wrong encrypted key', 'open_failed', '', grantCase(withPart(grant, 1, new Uint8Array(256)))],
  ['a changed tag', 'open_failed', '', grantCase(lastCharacterChanged(grant))],
  ['PKCS#1 v1.5', 'token_malformed', '', grantCase(withPart(grant, 0, { ...grantHeader, alg: 'RSA1_5' }))],
  ['RSA-OAEP with SHA-1', 'token_malformed', '', grantCase(grantWith({ alg: 'RSA-OAEP' }))],
  ['a grant to the vault', 'token_malformed', '', grantCase(grantWith({ aud: acme.urn('vault') }))],
  ['a header member more', 'token_malformed', '', grantCase(grantWith({ iat: NOW }))],
]);

const bound = { chash: grantPlace.chash, whash: await crypto.tokenHash(grant) };
const envelopeBy = (changes = {}, signer = vault) => crypto.signEnvelope(exampleEnvelope(acme, bound, changes), signer);
const envelopeCase =
  (token, changes = {}) =>
  async () => ({ token: await token(), audience: acme.urn('eu1'), graceSeconds: 0, ...changes });
const from = (iat, seconds = 120) => ({ iat: NOW + iat, nbf: NOW + iat, exp: NOW + iat + seconds });

await addCases('envelope', [
  ['a prompt, RSA-2048', 'valid', '', envelopeCase(() => envelopeBy())],
  ['a chat, RSA-2048', 'valid', '', envelopeCase(() => crypto.signChatEnvelope(exampleChatEnvelope(acme), vault))],
  [
    'a key that stopped signing less than 300 seconds ago, Ed25519',
    'valid',
    '',
    envelopeCase(async () => envelopeBy({}, await acme.signer('vault', 'fading'))),
  ],
  ['a clock that is 60 seconds ahead', 'valid', '', envelopeCase(() => envelopeBy(from(60)))],
  ['60 seconds past its end', 'valid', '', envelopeCase(() => envelopeBy(from(-180)))],
  [
    '900 seconds past its end, in grace',
    'valid',
    '',
    envelopeCase(() => envelopeBy(from(-1020)), { graceSeconds: 900 }),
  ],
  [
    'a changed signature',
    'signature_invalid',
    'envelope-signature',
    envelopeCase(async () => lastCharacterChanged(await envelopeBy())),
  ],
  [
    'the vault of another organisation',
    'key_unknown',
    'envelope-key',
    envelopeCase(async () => crypto.signEnvelope(exampleEnvelope(globex, bound), await globex.signer('vault'))),
  ],
  ['a device', 'key_unknown', 'envelope-key', envelopeCase(() => envelopeBy({}, owner))],
  [
    'the key of the vault for content',
    'key_unknown',
    'envelope-key',
    envelopeCase(async () => envelopeBy({}, await acme.signer('vault', 'content'))),
  ],
  [
    'a key that stopped signing more than 300 seconds ago',
    'key_revoked',
    'envelope-key',
    envelopeCase(async () => envelopeBy({}, await acme.signer('vault', 'faded'))),
  ],
  [
    'an issuer who does not hold the key',
    'envelope_tampered',
    'envelope-issuer',
    envelopeCase(() => envelopeBy({ iss: globex.urn('vault') })),
  ],
  [
    'another responder',
    'envelope_tampered',
    'envelope-audience',
    envelopeCase(() => envelopeBy({ aud: acme.urn('us1') })),
  ],
  [
    'a requester of another organisation',
    'envelope_tampered',
    'envelope-organisation',
    envelopeCase(() => envelopeBy({ sub: globex.urn('asker') })),
  ],
  ['a life of 301 seconds', 'envelope_tampered', 'envelope-life', envelopeCase(() => envelopeBy(from(0, 301)))],
  [
    'a life that ends before it begins',
    'envelope_tampered',
    'envelope-life',
    envelopeCase(() => envelopeBy(from(0, -1))),
  ],
  ['a clock that is 61 seconds ahead', 'clock_skew', 'envelope-times', envelopeCase(() => envelopeBy(from(61)))],
  ['61 seconds past its end', 'envelope_expired', 'envelope-times', envelopeCase(() => envelopeBy(from(-181)))],
  [
    '901 seconds past its end, in grace',
    'envelope_expired',
    'envelope-times',
    envelopeCase(() => envelopeBy(from(-1021)), { graceSeconds: 900 }),
  ],
  [
    'the claims of a chat',
    'token_malformed',
    '',
    envelopeCase(() => rawJws(headerFor(ENVELOPE, vault), exampleChatEnvelope(acme), vault)),
  ],
  [
    'the claims of a prompt in a chat',
    'token_malformed',
    '',
    envelopeCase(() => rawJws(headerFor('bulla-chat-envelope+jwt', vault), exampleEnvelope(acme, bound), vault)),
  ],
  [
    'another type',
    'token_malformed',
    '',
    envelopeCase(() => rawJws(headerFor('JWT', vault), exampleEnvelope(acme, bound), vault)),
  ],
  [
    'a claim more',
    'token_malformed',
    '',
    envelopeCase(() => rawJws(headerFor(ENVELOPE, vault), { ...exampleEnvelope(acme, bound), act: 'x' }, vault)),
  ],
  [
    'a claim missing',
    'token_malformed',
    '',
    envelopeCase(() => rawJws(headerFor(ENVELOPE, vault), { ...exampleEnvelope(acme, bound), cnf: undefined }, vault)),
  ],
  [
    'a vault that names its directory, RSA-2048',
    'valid',
    '',
    envelopeCase(() => envelopeBy({ dir: acme.trust.directoryRef })),
  ],
  [
    'a chat of a vault that names its directory, RSA-2048',
    'valid',
    '',
    envelopeCase(() => crypto.signChatEnvelope(exampleChatEnvelope(acme, { dir: acme.trust.directoryRef }), vault)),
  ],
  [
    'a directory without its hash',
    'token_malformed',
    '',
    envelopeCase(() => rawJws(headerFor(ENVELOPE, vault), { ...exampleEnvelope(acme, bound), dir: { ver: 1 } }, vault)),
  ],
]);

const tagBy = async (changes = {}, name = 'owner') =>
  crypto.signTag(exampleTag(acme, grantPlace.chash, { iss: acme.urn(name), ...changes }), await acme.signer(name));
await addCases('bundle', [
  [
    'a prompt by its label',
    'valid',
    '',
    async () => ({
      bundle: { v: 1, env: await envelopeBy(), grant, content: first.token, tags: [await tagBy()] },
      wanted: { name: NAME },
    }),
  ],
]);
const { bundle } = firstOf('bundle');
const bundleCase =
  (parts, wanted = {}) =>
  async () => ({ bundle: { ...bundle, ...(await parts()) }, wanted: { name: NAME, ...wanted } });
const envelopeOf = async (changes) => ({ env: await envelopeBy(changes) });
/** Parts with an envelope and a tag that name them. */
const boundTo = async (parts) => {
  const named = await crypto.tokenHash(parts.content ?? first.token);
  const whash = await crypto.tokenHash(parts.grant ?? grant);
  const env = await crypto.signEnvelope(exampleEnvelope(acme, { chash: named, whash }), vault);
  return { ...parts, env, tags: [await tagBy({ chash: named })] };
};
const production = async (...names) => ({
  tags: await Promise.all(names.map((name) => tagBy({ tag: 'production' }, name))),
});

await addCases('bundle', [
  ['a prompt by its version', 'valid', '', bundleCase(() => ({}), { version: 3 })],
  [
    'a label that two users signed',
    'valid',
    '',
    bundleCase(() => production('owner', 'releaser'), { label: 'production' }),
  ],
  [
    'a label that one user signed twice',
    'forbidden',
    'tag-threshold',
    bundleCase(() => production('owner', 'owner'), { label: 'production' }),
  ],
  ['a swapped grant', 'envelope_tampered', 'grant-hash', bundleCase(async () => ({ grant: await grantTo(eu1) }))],
  [
    'a swapped content',
    'envelope_tampered',
    'content-hash',
    bundleCase(async () => ({ content: (await example(acme)).sealed.content })),
  ],
  [
    'another requester',
    'envelope_tampered',
    'envelope-requester',
    bundleCase(() => envelopeOf({ sub: acme.urn('owner') })),
  ],
  [
    'another key of the requester',
    'envelope_tampered',
    'envelope-requester-key',
    bundleCase(() => envelopeOf({ cnf: { jkt: acme.kid('owner') } })),
  ],
  [
    'an answer to another request',
    'envelope_tampered',
    'envelope-request',
    bundleCase(() => envelopeOf({ req: 'req_1' })),
  ],
  [
    'another prompt than the label stands for',
    'envelope_tampered',
    'envelope-prompt',
    bundleCase(async () => ({ tags: [await tagBy({ sub: `urn:bulla:acme:prompt:${acme.prompts[1]}` })] })),
  ],
  [
    'another version than the label stands for',
    'envelope_tampered',
    'envelope-version',
    bundleCase(async () => ({ tags: [await tagBy({ ver: 4 })] })),
  ],
  [
    'another content than the label stands for',
    'envelope_tampered',
    'envelope-content',
    bundleCase(async () => ({ tags: [await tagBy({ chash })] })),
  ],
  [
    'a deleted label',
    'label_not_found',
    'tag-deleted',
    bundleCase(async () => ({ tags: [await tagBy({ ver: 0, chash: '' })] })),
  ],
  [
    'an expired label',
    'trust_expired',
    'tag-expiry',
    bundleCase(async () => ({ tags: [await tagBy({ iat: NOW - 7200, exp: NOW - 3600 })] })),
  ],
  ['a label of long ago that a renewer calls the newest', 'valid', '', bundleCase(() => renewed({}))],
  [
    'a tag of five minutes after the use of its key',
    'valid',
    '',
    bundleCase(async () => ({ tags: [await tagBy({ iat: NOW - 86_400 + 300 }, 'veteran')] })),
  ],
  [
    'a tag of later than that',
    'forbidden',
    'tag-threshold',
    bundleCase(async () => ({ tags: [await tagBy({ iat: NOW - 86_400 + 301 }, 'veteran')] })),
  ],
  ['a label of long ago', 'trust_expired', 'tag-fresh', bundleCase(async () => ({ tags: [await longAgo()] }))],
  [
    'a label of long ago, named by a version whose content was seen before',
    'valid',
    '',
    bundleCase(async () => ({ tags: [await longAgo()] }), { version: 3, chash: await crypto.tokenHash(first.token) }),
  ],
  [
    'a label of long ago, named by a version whose content was not seen before',
    'trust_expired',
    'tag-fresh',
    bundleCase(async () => ({ tags: [await longAgo()] }), { version: 3 }),
  ],
  [
    'a label of long ago, where a renewer knows another position',
    'trust_expired',
    'tag-fresh',
    bundleCase(() => renewed({ seq: 8 })),
  ],
  [
    'a label of long ago, where a renewer has a newer directory',
    'key_unknown',
    'fresh-newer',
    bundleCase(() => renewed({ dir: { ver: acme.trust.directoryRef.ver + 1, hash: chash } })),
  ],
  [
    'a label of long ago, where a renewer has another directory',
    'trust_rollback',
    'fresh-fork',
    bundleCase(() => renewed({ dir: { ver: acme.trust.directoryRef.ver, hash: chash } })),
  ],
  [
    'a label of long ago, by a renewer ahead of its time',
    'clock_skew',
    'fresh-issued',
    bundleCase(() => renewed({ iat: NOW + 61 })),
  ],
  ['a fresh label with a word that is none', 'valid', '', bundleCase(() => ({ fresh: ['no token'] }))],
  ['no word where there is a list of them', 'token_malformed', '', bundleCase(() => ({ fresh: [] }))],
  [
    'a chat with a word of a renewer',
    'token_malformed',
    '',
    async () => ({
      bundle: { v: 1, env: firstOf('envelope', 1).token, tags: [], fresh: ['no token'] },
      wanted: { name: NAME },
    }),
  ],
  [
    'a content moved to another version',
    'envelope_tampered',
    'content-place',
    bundleCase(() => boundTo({ content: withPart(first.token, 0, { ...contentHeader, ver: 4 }) })),
  ],
  [
    'a grant for another content key',
    'envelope_tampered',
    'grant-place',
    bundleCase(async () => boundTo({ grant: await grantWith({ dek: `dek_${'0'.repeat(32)}` }) })),
  ],
  [
    'a grant for another commitment than that of the content',
    'envelope_tampered',
    'grant-place',
    bundleCase(async () => boundTo({ grant: await grantWith({ dkc: chash }) })),
  ],
  [
    'a content that commits to no key',
    'content_uncommitted',
    '',
    bundleCase(async () => boundTo({ content: await contentWith({ dkc: undefined }) })),
  ],
  [
    'a grant to another responder',
    'envelope_tampered',
    'grant-recipient',
    bundleCase(async () => boundTo({ grant: await grantTo(acme.holder('us1', 'enc')) })),
  ],
  [
    'a grant to a key that nobody holds',
    'key_unknown',
    'grant-recipient',
    bundleCase(async () => boundTo({ grant: await grantWith({ kid: globex.kid('eu1', 'enc') }) })),
  ],
  ['a chat with a grant', 'token_malformed', '', bundleCase(async () => ({ env: firstOf('envelope', 1).token }))],
  ['a prompt without its grant', 'token_malformed', '', bundleCase(() => ({ grant: undefined }))],
  [
    'a vault that names the directory at hand',
    'valid',
    '',
    bundleCase(() => envelopeOf({ dir: acme.trust.directoryRef })),
  ],
  [
    'a vault that has a newer directory',
    'key_unknown',
    'envelope-newer',
    bundleCase(() => envelopeOf({ dir: { ver: acme.trust.directoryRef.ver + 1, hash: chash } })),
  ],
  [
    'a vault that has another directory',
    'trust_rollback',
    'envelope-fork',
    bundleCase(() => envelopeOf({ dir: { ver: acme.trust.directoryRef.ver, hash: chash } })),
  ],
]);

/** A tag that its signer gave too long ago to say that its position is still the newest. */
function longAgo() {
  return tagBy({ iat: NOW - 30 * 86_400, exp: NOW + 30 * 86_400 });
}

/** Such a tag, and what a renewer says of its position. */
async function renewed(changes) {
  const tag = await longAgo();
  const { claims } = crypto.parseTag(tag);
  const word = {
    iss: acme.urn('renewer'),
    aud: 'urn:bulla:acme',
    dir: acme.trust.directoryRef,
    name: NAME,
    tag: claims.tag,
    seq: claims.seq,
    pos: await crypto.positionHash(crypto.positionOf(claims)),
    iat: NOW - 3600,
    exp: NOW + 86_400,
    purpose: 'tag.fresh',
    ...changes,
  };
  return { tags: [tag], fresh: [await crypto.signLabelFreshness(word, await acme.signer('renewer', 'fresh'))] };
}

function firstOf(format, index = 0) {
  return read(`golden/${format}.json`).cases[index];
}
