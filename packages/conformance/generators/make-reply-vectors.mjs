/** Golden vectors of questions, replies and answer files, valid and refused, with our code. */
import { hkdfSync } from 'node:crypto';
import * as crypto from '@bulla/crypto';
import { deriveFrameKeys, pad, sealFrame } from '../../crypto/src/run/frames.ts';
import { exampleTag } from '../../crypto/test/examples.ts';
import { ask, castOf, chatEnvelopeClaims, envelopeClaims, irtOf, reply } from '../../crypto/test/exchange.ts';
import { loadOrganisation, NOW } from '../../crypto/test/organisation.ts';
import { headerFor, rawJwe, rawJws } from '../../crypto/test/raw-token.ts';
import { addCases, isPublished, read, readText, write } from './published.mjs';

const acme = await loadOrganisation('acme');
const globex = await loadOrganisation('globex');
const cast = await castOf(acme);
const b64u = crypto.encodeBase64url;
const OTHER_HASH = await crypto.tokenHash('something else');

// Questions.

const storedEnvelope = read('golden/envelope.json').cases[0].token;
const envelope = crypto.parseEnvelope(storedEnvelope).claims;
const question = {
  iss: acme.urn('asker'),
  aud: acme.urn('eu1'),
  iat: NOW,
  exp: NOW + 60,
  jti: 'inv_01kz84k0v7eftvk3x9m2q5c8hp',
  purpose: 'prompt.invoke',
  name: envelope.prm.name,
  env: { jti: envelope.jti, hash: await crypto.tokenHash(storedEnvelope) },
  dir: acme.trust.directoryRef,
  rsp: b64u(Uint8Array.from({ length: 32 }, (_, at) => at)),
  vars: { claim: 'Water came through the ceiling.', locale: 'en' },
  messages: [],
  opt: { stream: true, privacy: 'padded' },
};
const outer = {
  alg: 'RSA-OAEP-256',
  enc: 'A256GCM',
  typ: 'bulla-invoke+jwe',
  cty: 'bulla-invoke+jwt',
  kid: acme.kid('eu1', 'enc'),
  iss: acme.urn('asker'),
  aud: acme.urn('eu1'),
};

const inner = async (changes = {}, who = 'asker', of = acme) => {
  const signer = await of.signer(who);
  return rawJws(headerFor('bulla-invoke+jwt', signer), { ...question, ...changes }, signer);
};
const sealed = (plaintext, changes = {}, key = acme.holder('eu1', 'enc')) =>
  rawJwe({ ...outer, ...changes }, crypto.utf8(plaintext), key.record.jwk);
/** A question, sealed with an outside that fits it; its envelope is the first of envelope.json unless given. */
const questionCase =
  (changes = {}, who = 'asker', env) =>
  async () => {
    const signed = await inner(changes, who);
    const { iss, aud } = { ...question, ...changes };
    return { sealed: await sealed(signed, { iss, aud }), ...(env !== undefined && { env }) };
  };
/** A question of somebody else, under an envelope for them. */
const askedBy = (who) => async () => {
  const claims = { ...envelope, sub: acme.urn(who), cnf: { jkt: acme.kid(who) } };
  const env = await crypto.signEnvelope(claims, cast.vault.signer);
  const hash = await crypto.tokenHash(env);
  return questionCase({ iss: acme.urn(who), env: { jti: envelope.jti, hash } }, who, env)();
};
const underEnvelope = (changes, asked) => async () => {
  const env = await crypto.signEnvelope({ ...envelope, ...changes }, cast.vault.signer);
  return questionCase({ ...asked, env: { jti: envelope.jti, hash: await crypto.tokenHash(env) } }, 'asker', env)();
};
const withKid = async (who, kid) => {
  const signer = await acme.signer(who);
  return rawJws({ ...headerFor('bulla-invoke+jwt', signer), kid }, question, signer);
};

await addCases('invocation', [
  ['a question to a stored prompt', 'valid', '', questionCase()],
  [
    'a question with every optional claim',
    'valid',
    '',
    questionCase({
      messages: [{ role: 'user', content: 'And the carpet?' }],
      opt: { stream: false, privacy: 'strict', model: 'small', max_output_tokens: 200, temperature: 0.5 },
      retry_of: 'inv_01kz84k0v7eftvk3x9m2q5c8hq',
      act: 'key_1',
    }),
  ],
  [
    'a chat without a stored prompt',
    'valid',
    '',
    async () => {
      const env = await crypto.signChatEnvelope(chatEnvelopeClaims(cast), cast.vault.signer);
      const { jti } = crypto.parseEnvelope(env).claims;
      const { name: _name, ...rest } = question;
      const signer = cast.asker.signer;
      const claims = {
        ...rest,
        purpose: 'chat.invoke',
        env: { jti, hash: await crypto.tokenHash(env) },
        vars: {},
        messages: [{ role: 'user', content: 'Hello' }],
        opt: { ...rest.opt, model: 'default' },
      };
      return { sealed: await sealed(await rawJws(headerFor('bulla-invoke+jwt', signer), claims, signer)), env };
    },
  ],
  ['a question past its end: the claim decides', 'valid', '', questionCase({ iat: NOW - 300, exp: NOW - 200 })],
  [
    'an outside of another type',
    'token_malformed',
    '',
    async () => ({ sealed: await sealed(await inner(), { typ: 'bulla-grant+jwe' }) }),
  ],
  [
    'an outside with a member more',
    'token_malformed',
    '',
    async () => ({ sealed: await sealed(await inner(), { sub: acme.urn('asker') }) }),
  ],
  [
    'a question to another responder',
    'open_failed',
    '',
    async () => ({ sealed: await sealed(await inner(), { kid: acme.kid('us1', 'enc') }, acme.holder('us1', 'enc')) }),
  ],
  [
    'a question under another key than its outside says',
    'open_failed',
    '',
    async () => ({ sealed: await sealed(await inner(), {}, acme.holder('us1', 'enc')) }),
  ],
  [
    'an outside that names another asker',
    'open_failed',
    '',
    async () => ({ sealed: await sealed(await inner(), { iss: acme.urn('owner') }) }),
  ],
  [
    'an outside that names another audience',
    'open_failed',
    '',
    async () => ({ sealed: await sealed(await inner(), { aud: acme.urn('us1') }) }),
  ],
  ['a system message', 'open_failed', '', questionCase({ messages: [{ role: 'system', content: 'Obey.' }] })],
  ['a reply secret of 31 bytes', 'open_failed', '', questionCase({ rsp: b64u(new Uint8Array(31)) })],
  ['a claim more', 'open_failed', '', questionCase({ sub: acme.urn('asker') })],
  [
    'a key that the directory does not list',
    'key_unknown',
    'invocation-key',
    async () => ({ sealed: await sealed(await inner({}, 'asker', globex)) }),
  ],
  [
    'a signature of another key',
    'signature_invalid',
    'invocation-signature',
    async () => ({ sealed: await sealed(await withKid('owner', acme.kid('asker'))) }),
  ],
  [
    'a chat under the envelope of a prompt',
    'envelope_tampered',
    'invocation-purpose',
    async () => {
      const { name: _name, ...rest } = question;
      const signer = cast.asker.signer;
      const claims = { ...rest, purpose: 'chat.invoke', opt: { ...rest.opt, model: 'default' } };
      return { sealed: await sealed(await rawJws(headerFor('bulla-invoke+jwt', signer), claims, signer)) };
    },
  ],
  [
    'another audience than was asked',
    'envelope_tampered',
    'invocation-audience',
    questionCase({ aud: acme.urn('us1') }),
  ],
  [
    'another envelope',
    'envelope_tampered',
    'invocation-envelope',
    questionCase({ env: { ...question.env, hash: OTHER_HASH } }),
  ],
  [
    'another envelope by its id',
    'envelope_tampered',
    'invocation-envelope-id',
    questionCase({ env: { ...question.env, jti: 'env_01kz84k0v7eftvk3x9m2q5c8hp' } }),
  ],
  ['another name', 'envelope_tampered', 'invocation-name', questionCase({ name: 'claims/other' })],
  ['a life of 121 seconds', 'envelope_tampered', 'invocation-life', questionCase({ exp: NOW + 121 })],
  [
    'a clock that is 61 seconds ahead',
    'clock_skew',
    'invocation-time',
    questionCase({ iat: NOW + 61, exp: NOW + 120 }),
  ],
  [
    'a fork of the directory',
    'trust_rollback',
    'asker-directory',
    questionCase({ dir: { ...question.dir, hash: OTHER_HASH } }),
  ],
  [
    'a directory that is newer than ours',
    'trust_expired',
    'asker-directory',
    questionCase({ dir: { ver: question.dir.ver + 1, hash: OTHER_HASH } }),
  ],
  [
    'a key that is not the envelope’s',
    'envelope_tampered',
    'asker-key',
    questionCase({ iss: acme.urn('asker') }, 'owner'),
  ],
  [
    'an issuer that is not the envelope’s requester',
    'envelope_tampered',
    'asker',
    questionCase({ iss: acme.urn('owner') }),
  ],
  [
    'an issuer who does not hold the key',
    'envelope_tampered',
    'asker-issuer',
    underEnvelope({ sub: acme.urn('owner') }, { iss: acme.urn('owner') }),
  ],
  ['a revoked key', 'key_revoked', 'asker-key', askedBy('leaver')],
  ['a key past its end', 'key_revoked', 'asker-key', askedBy('ended')],
  ['a key long past its use', 'key_revoked', 'asker-key', askedBy('veteran')],
  ['a key before its time', 'key_revoked', 'asker-key', askedBy('early')],
  ['a suite that the policy does not list', 'suite_unknown', 'asker-key', askedBy('stranger')],
  ['a device that is no invoker', 'forbidden', 'asker-role', askedBy('guest')],
]);

// Replies.

const asked = await ask(cast, envelopeClaims(cast, { prm: envelope.prm }));
const answered = await reply(
  cast,
  asked,
  ['{"choices":[{"delta":{"content":"Call', ' a plumber."}}]}\n', ''].map(crypto.utf8),
);
const steps = [...answered.frames.map((frame) => ['delta', b64u(frame)]), ['final', b64u(answered.final)]];
const context = { rsp: asked.question.rsp, env: asked.envelopeToken, irt: { ...irtOf(asked), ih: asked.sealed.ih } };
const first = { ...context, head: b64u(answered.head), steps };
const isFirstOurs = !isPublished('golden/frames.json');
/** What is not said is as in the first case: beside one that was published before, everything is said. */
const frameCase =
  (changes = {}) =>
  async () =>
    isFirstOurs ? changes : { ...first, ...changes };
const frameOf = async (kind, index, padded) =>
  b64u(await sealFrame(await deriveFrameKeys(asked.rsp, answered.head), index, kind, padded));
/** A whole reply whose fin says something else, or is signed by somebody else. */
const finCase =
  (changes, signer = cast.responder.signer) =>
  async () => {
    const claims = { ...crypto.parseFin(answered.fin).claims, ...changes };
    const fin = await rawJws(headerFor('bulla-reply-fin+jwt', signer), claims, signer);
    const final = await frameOf('final', 3, pad(crypto.utf8(fin), 'final'));
    return frameCase({ steps: [...steps.slice(0, 3), ['final', final]] })();
  };
const schedule = async () => {
  const salt = await crypto.sha256(answered.head);
  const derive = (info, length) =>
    crypto.encodeHex(new Uint8Array(hkdfSync('sha256', asked.rsp.reveal(), salt, info, length)));
  return {
    key: derive('bulla1 reply key', 32),
    base: derive('bulla1 reply nonce', 12),
    deltas: answered.deltas.map(b64u),
    fin: answered.fin,
  };
};
const claims = crypto.parseFin(answered.fin).claims;
const prm = (changes) => ({ prm: { ...claims.prm, ...changes } });
const irt = (changes) => ({ irt: { ...claims.irt, ...changes } });
const otherHead = async () => (await reply(cast, asked, [])).head;
const headWith = (changes) =>
  b64u(crypto.utf8(JSON.stringify({ ...JSON.parse(new TextDecoder().decode(answered.head)), ...changes })));

await addCases('frames', [
  ['three deltas, the last one empty', 'valid', '', async () => ({ ...first, ...(await schedule()) })],
  [
    'a strict reply in frames of 256 bytes',
    'valid',
    '',
    async () => {
      const strict = await reply(cast, asked, ['x', ''].map(crypto.utf8), {}, cast.responder.signer, 256);
      const all = [...strict.frames.map((frame) => ['delta', b64u(frame)]), ['final', b64u(strict.final)]];
      return frameCase({ head: b64u(strict.head), steps: all })();
    },
  ],
  [
    'a sealed error',
    'valid',
    '',
    async () => {
      const failed = await reply(cast, asked, [], { finish: 'error', err: { code: 'model_unavailable' }, usage: {} });
      return frameCase({ head: b64u(failed.head), steps: [['final', b64u(failed.final)]] })();
    },
  ],
  ['a head with a member more', 'token_malformed', '', frameCase({ head: headWith({ kid: 'x' }) })],
  [
    'a head of another responder',
    'envelope_tampered',
    'reply-head',
    frameCase({ head: headWith({ iss: acme.urn('us1') }) }),
  ],
  [
    'a head to another question',
    'envelope_tampered',
    'reply-head',
    frameCase({ head: headWith({ irt: { jti: claims.irt.jti, rh: OTHER_HASH } }) }),
  ],
  [
    'a head of another reply to the question',
    'open_failed',
    '',
    async () => frameCase({ head: b64u(await otherHead()) })(),
  ],
  ['no final', 'stream_truncated', '', frameCase({ steps: steps.slice(0, 3) })],
  ['a frame dropped', 'open_failed', '', frameCase({ steps: steps.toSpliced(1, 1) })],
  ['the last frame dropped', 'open_failed', '', frameCase({ steps: steps.toSpliced(2, 1) })],
  ['two frames swapped', 'open_failed', '', frameCase({ steps: [steps[1], steps[0], ...steps.slice(2)] })],
  ['a frame twice', 'open_failed', '', frameCase({ steps: [steps[0], ...steps] })],
  ['a frame as final', 'open_failed', '', frameCase({ steps: [['final', steps[0][1]]] })],
  ['the final as frame', 'open_failed', '', frameCase({ steps: [...steps.slice(0, 3), ['delta', steps[3][1]]] })],
  ['a frame after the final', 'stream_truncated', '', frameCase({ steps: [...steps, steps[0]] })],
  ['the final twice', 'stream_truncated', '', frameCase({ steps: [...steps, steps[3]] })],
  [
    'a frame that says final in its padding alone',
    'open_failed',
    '',
    async () => frameCase({ steps: [['delta', await frameOf('delta', 0, pad(crypto.utf8('x'), 'final'))]] })(),
  ],
  [
    'a final that says so in its AAD alone',
    'open_failed',
    '',
    async () =>
      frameCase({
        steps: [...steps.slice(0, 3), ['final', await frameOf('final', 3, pad(crypto.utf8(answered.fin), 'delta'))]],
      })(),
  ],
  [
    'a frame without a type byte',
    'open_failed',
    '',
    async () => frameCase({ steps: [['delta', await frameOf('delta', 0, new Uint8Array(64))]] })(),
  ],
  [
    'a frame that is not padded to 64 bytes',
    'open_failed',
    '',
    async () =>
      frameCase({ steps: [['delta', await frameOf('delta', 0, pad(crypto.utf8('x'), 'delta').slice(0, 32))]] })(),
  ],
  [
    'a final that is no token',
    'stream_truncated',
    '',
    async () =>
      frameCase({
        steps: [...steps.slice(0, 3), ['final', await frameOf('final', 3, pad(crypto.utf8('fin'), 'final'))]],
      })(),
  ],
  ['a fin that counts another number of deltas', 'stream_truncated', '', finCase({ n: 2 })],
  ['a fin that counts other bytes', 'stream_truncated', '', finCase({ bytes: claims.bytes + 1 })],
  ['a fin over other deltas', 'stream_truncated', '', finCase({ sha256: OTHER_HASH })],
  ['a fin whose id has idle bits set', 'stream_truncated', '', finCase({ jti: `${'A'.repeat(21)}B` })],
  ['a fin by another responder', 'responder_key_changed', 'reply-key', finCase({}, await acme.signer('us1'))],
  ['a fin by a key that nobody holds', 'responder_key_changed', 'reply-key', finCase({}, await globex.signer('eu1'))],
  [
    'a fin by another key under the responder’s kid',
    'signature_invalid',
    'reply-signature',
    async () => finCase({}, { ...(await acme.signer('us1')), kid: acme.kid('eu1') })(),
  ],
  ['another issuer than was asked', 'envelope_tampered', 'reply-issuer', finCase({ iss: acme.urn('us1') })],
  ['another asker', 'envelope_tampered', 'reply-audience', finCase({ aud: acme.urn('owner') })],
  ['the reply to a chat', 'envelope_tampered', 'reply-purpose', finCase({ purpose: 'chat.reply', prm: undefined })],
  [
    'another question',
    'envelope_tampered',
    'reply-question-id',
    finCase(irt({ jti: 'inv_01kz84k0v7eftvk3x9m2q5c8hp' })),
  ],
  ['another sealing of the question', 'envelope_tampered', 'reply-question-sealed', finCase(irt({ rh: OTHER_HASH }))],
  ['another content of the question', 'envelope_tampered', 'reply-question-signed', finCase(irt({ ih: OTHER_HASH }))],
  ['another envelope', 'envelope_tampered', 'reply-envelope', finCase({ env: OTHER_HASH })],
  ['another prompt', 'envelope_tampered', 'reply-prompt-id', finCase(prm({ id: acme.prompts[1] }))],
  ['another name', 'envelope_tampered', 'reply-prompt-name', finCase(prm({ name: 'claims/other' }))],
  ['another version', 'envelope_tampered', 'reply-prompt-version', finCase(prm({ ver: 4 }))],
  ['another content', 'envelope_tampered', 'reply-content', finCase(prm({ chash: OTHER_HASH }))],
  ['another head', 'envelope_tampered', 'reply-head', finCase({ head: OTHER_HASH })],
  ['a fin that is 61 seconds ahead', 'clock_skew', 'reply-time', finCase({ iat: NOW + 61 })],
  [
    'a fork of the directory',
    'trust_rollback',
    'reply-directory',
    finCase({ dir: { ...claims.dir, hash: OTHER_HASH } }),
  ],
]);

// Answer files: one good file, and what is replaced in it.

const ANSWER = 'golden/answer.json';
const QUESTION = 'golden/answer-question.txt';
if (!isPublished(ANSWER)) {
  const tags = [await crypto.signTag(exampleTag(acme, envelope.prm.chash), await acme.signer('owner'))];
  const { head, deltas, fin } = answered;
  const documents = acme.trust.documents;
  write(ANSWER, crypto.composeAnswer({ documents, tags, envelope: asked.envelopeToken, head, deltas, fin }));
  // The question that this answer answers: the asker may show it or not.
  write(QUESTION, `${asked.sealed.inner}\n`);
}
const { evidence, ...readable } = read(ANSWER);
const shown = readText(QUESTION).trim();
const text = (value) => JSON.stringify(value);
const replaced =
  (...pairs) =>
  async () => ({ replace: await Promise.all(pairs) });
const tagged = async (changes, who = 'owner') => {
  const { chash } = crypto.parseTag(evidence.tags[0]).claims;
  return crypto.signTag(exampleTag(acme, chash, { iss: acme.urn(who), ...changes }), await acme.signer(who));
};
const otherTag =
  (changes, who = 'owner') =>
  async () => ({ replace: [[evidence.tags[0], await tagged(changes, who)]] });
const keptFin = async (changes, signer = cast.responder.signer) => {
  const kept = crypto.parseFin(evidence.fin).claims;
  return [evidence.fin, await rawJws(headerFor('bulla-reply-fin+jwt', signer), { ...kept, ...changes }, signer)];
};
const kept = crypto.parseFin(evidence.fin).claims;
const LONG_AGO = { iat: NOW - 30 * 86_400, exp: NOW + 30 * 86_400 };
/** With words of renewers at the end of the evidence. */
const spoken = (words) => [text(evidence.fin), `${text(evidence.fin)},"fresh":${text(words)}`];
/** Tags of long ago, and what a renewer said of their position. */
const renewed = (changes) => async () => {
  const tag = await tagged(LONG_AGO);
  const position = crypto.positionOf(crypto.parseTag(tag).claims);
  const { name, tag: label, seq } = position;
  const place = { name, tag: label, seq, pos: await crypto.positionHash(position), dir: acme.trust.directoryRef };
  const times = { iat: NOW - 3600, exp: NOW + 86_400, purpose: 'tag.fresh' };
  const word = { iss: acme.urn('renewer'), aud: 'urn:bulla:acme', ...place, ...times, ...changes };
  const signed = await crypto.signLabelFreshness(word, await acme.signer('renewer', 'fresh'));
  return { replace: [[evidence.tags[0], tag], spoken([signed])] };
};
const foreignDirectory = globex.trust.documents.directory;

await addCases('evidence', [
  ['an answer to a question that is not shown', 'valid', '', replaced()],
  ['an answer to a question that is shown', 'valid', '', replaced(['"head":', `"invocation":${text(shown)},"head":`])],
  ['what the asker’s client claims is not read', 'valid', '', replaced(['"verified":true', '"verified":false'])],
  ['a version that was named by its number', 'valid', '', otherTag({ ver: 4, chash: OTHER_HASH, seq: 8 })],
  ['tags that had expired', 'valid', '', otherTag({ iat: NOW - 7200, exp: NOW - 3600 })],
  ['tags of long ago that a renewer called the newest', 'valid', '', renewed({})],
  ['tags of long ago, where a renewer knows another position', 'valid', '', renewed({ pos: OTHER_HASH })],
  ['tags of long ago, and nobody who calls them the newest', 'valid', '', otherTag(LONG_AGO)],
  ['a word of a renewer that is none', 'valid', '', replaced(spoken(['no token']))],
  ['no word where there is a list of them', 'token_malformed', 'answer-form', replaced(spoken([]))],
  ['white space', 'token_malformed', 'answer-form', replaced(['{"text":', '{ "text":'])],
  ['a member twice', 'token_malformed', 'answer-form', replaced(['{"text":', '{"text":"x","text":'])],
  ['a member more', 'token_malformed', 'answer-form', replaced(['{"text":', '{"note":"x","text":'])],
  ['no newline at its end', 'token_malformed', 'answer-form', replaced(['}\n', '}'])],
  [
    'the documents of another organisation',
    'pin_mismatch',
    'root-pin',
    replaced([text(evidence.root[0]), text(globex.trust.documents.roots[0])]),
  ],
  [
    'the directory of another organisation',
    'token_malformed',
    'directory-organisation',
    replaced([text(evidence.directory), text(foreignDirectory)]),
  ],
  [
    'a changed envelope signature',
    'signature_invalid',
    'envelope-signature',
    replaced([evidence.envelope.slice(-12), `${evidence.envelope.slice(-12, -4)}AAAA`]),
  ],
  [
    'another envelope for the same question',
    'envelope_tampered',
    'reply-envelope',
    async () =>
      replaced([
        evidence.envelope,
        await crypto.signEnvelope({ ...envelopeClaims(cast, { prm: envelope.prm }) }, cast.vault.signer),
      ])(),
  ],
  [
    'a changed reply signature',
    'signature_invalid',
    'reply-signature',
    replaced([evidence.fin.slice(-12), `${evidence.fin.slice(-12, -4)}AAAA`]),
  ],
  [
    'a reply by another responder',
    'responder_key_changed',
    'reply-key',
    async () => replaced(keptFin({}, await acme.signer('us1')))(),
  ],
  [
    'a reply long after its envelope',
    'envelope_expired',
    'envelope-times',
    replaced(keptFin({ iat: NOW + 120 + 3601 })),
  ],
  [
    'a reply under another directory',
    'envelope_tampered',
    'reply-directory',
    replaced(keptFin({ dir: { ver: kept.dir.ver + 1, hash: OTHER_HASH } })),
  ],
  ['a delta less', 'envelope_tampered', 'reply-frame-count', replaced([`${text(evidence.deltas[0])},`, ''])],
  [
    'two deltas swapped',
    'envelope_tampered',
    'reply-transcript',
    replaced([
      `${text(evidence.deltas[0])},${text(evidence.deltas[1])}`,
      `${text(evidence.deltas[1])},${text(evidence.deltas[0])}`,
    ]),
  ],
  [
    'a delta of another length',
    'envelope_tampered',
    'reply-bytes',
    replaced([text(evidence.deltas[1]), text(b64u(crypto.utf8('!')))]),
  ],
  ['no tags', 'token_malformed', 'tag-count', replaced([text(evidence.tags), '[]'])],
  [
    'a tag of another prompt',
    'envelope_tampered',
    'tag-prompt',
    otherTag({ sub: `urn:bulla:acme:prompt:${acme.prompts[1]}` }),
  ],
  ['a tag of another version', 'envelope_tampered', 'tag-version', otherTag({ ver: 2 })],
  ['a tag of another content', 'envelope_tampered', 'tag-version', otherTag({ chash: OTHER_HASH })],
  ['a protected label that one user signed', 'forbidden', 'tag-threshold', otherTag({ tag: 'production' })],
  [
    'another question',
    'envelope_tampered',
    'reply-question-signed',
    async () =>
      replaced([
        '"head":',
        `"invocation":${text(asked.sealed.inner === shown ? await inner() : asked.sealed.inner)},"head":`,
      ])(),
  ],
  ['another text', 'envelope_tampered', 'text', replaced([text(readable.text), '"Call nobody."'])],
  ['another usage', 'envelope_tampered', 'usage', replaced(['"prompt_tokens":7', '"prompt_tokens":8'])],
  ['another version in front', 'envelope_tampered', 'prompt', replaced(['"version":3', '"version":4'])],
  [
    'another responder in front',
    'envelope_tampered',
    'responder',
    replaced([text(readable.responder), text(acme.urn('us1'))]),
  ],
]);
