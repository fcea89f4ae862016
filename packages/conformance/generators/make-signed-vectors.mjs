/**
 * Vectors of signed tokens and of questions for each suite. Organisations come from `@bulla/crypto/testing`; the tokens are
 * made with `node:crypto`, by the pages of docs/spec.
 */
import { createHash } from 'node:crypto';
import { makeOrganisation } from '@bulla/crypto/testing';
import { outsides } from './outsides.mjs';
import { algOf, jwe, jws, signAlgOf } from './raw-tokens.mjs';
import { finsOf } from './raw-reply.mjs';
import { signatures } from './signatures.mjs';
import { publish } from './published.mjs';

const NOW = 1_800_000_000;
const NAME = 'claims/triage';
const PROMPT = 'prm_01m8846r1de35rhayqpfw25ggb';
const CHASH = createHash('sha256').update('a content').digest('base64url');
const hashOf = (token) => createHash('sha256').update(token).digest('base64url');
const suites = [];
for (const suite of ['rsa2048', 'rsa3072', 'p256']) {
  const made = await makeOrganisation({ suite, now: NOW });
  const { org, pin, documents } = made;
  suites.push({ suite, made, organisation: { org, pin, documents }, trust: made.trust });
}
const stranger = (await makeOrganisation({ suite: 'p256', now: NOW, org: 'globex' })).author.sig;

/** Cases of a format: `inputOf` a token, and the `ok` of the valid ones, or how it follows from the token. */
function casesOf(suite, kinds, checks, op, inputOf, ok) {
  return Object.entries(kinds).flatMap(([code, tokens]) =>
    Object.entries(tokens).flatMap(([name, token]) =>
      token === undefined
        ? []
        : [
            {
              op,
              name: code === 'valid' ? name : `${suite}: ${name}`,
              input: { ...inputOf(token), organisation: `@${suite}`, now: NOW },
              expected:
                code === 'valid'
                  ? { ok: typeof ok === 'function' ? ok(token) : ok }
                  : { refused: code, ...(checks[code] && { check: checks[code] }) },
            },
          ],
    ),
  );
}
const checksOf = (page) => ({ signature_invalid: `${page}-signature`, key_unknown: `${page}-key` });

const author = ({ made }) => made.author;
const sub = `urn:bulla:acme:prompt:${PROMPT}`;

function statement(one) {
  const { suite, made } = one;
  const claims = {
    iss: author(one).urn,
    aud: 'urn:bulla:acme',
    sub,
    name: NAME,
    ver: 3,
    iat: NOW - 3600,
    jti: 'pst_4f1d2c3b5a69788796a5b4c3d2e1f00f',
    purpose: 'prompt.content',
    custody: 'sealed',
    n: 'tPYV0ZbJ8cOxh2Qm1a7Kzg',
    protect_until: '2029-12-31',
    acl: { invoke: ['grp:support'], read: ['grp:authors'], responders: [made.responders[0].urn] },
    input: { messages: false },
    content: {
      messages: [{ role: 'user', content: 'Grüß Gott 👋' }],
      vars: {},
      model: { name: 'default', max_output_tokens: 800 },
    },
    attachments: [],
    message: '',
  };
  const kinds = signatures(suite, {
    claims,
    typ: 'bulla-prompt+jwt',
    signer: author(one),
    other: made.owner,
    stranger,
  });
  const place = { chash: CHASH, sub, name: NAME, ver: 3 };
  return casesOf(suite, kinds, checksOf('statement'), 'verify', (token) => ({ token, ...place }), { claims });
}

function envelopeClaims({ made }) {
  return {
    iss: made.vault.urn,
    aud: made.responders[0].urn,
    sub: made.invoker.urn,
    iat: NOW,
    nbf: NOW,
    exp: NOW + 120,
    jti: 'env_01kz84jm00fs4v9y6x7qj3r2dn',
    purpose: 'prompt.invoke',
    req: 'req_7d9c0f2a5b3e4d61',
    prm: { id: PROMPT, name: NAME, ver: 3, chash: CHASH },
    whash: hashOf('a grant'),
    cnf: { jkt: made.invoker.sig.kid },
    pol: { uses: 1, stream: true, max_output_tokens: 800 },
  };
}
function envelope(one) {
  const { suite, made } = one;
  const claims = envelopeClaims(one);
  const kinds = signatures(suite, {
    claims,
    typ: 'bulla-envelope+jwt',
    signer: made.vault,
    other: made.owner,
    stranger,
  });
  const inputOf = (token) => ({ token, audience: claims.aud, grace: 0 });
  return casesOf(suite, kinds, checksOf('envelope'), 'verify', inputOf, { claims });
}

function tag(one) {
  const { suite, made } = one;
  const claims = {
    iss: author(one).urn,
    aud: 'urn:bulla:acme',
    sub,
    name: NAME,
    tag: 'latest',
    ver: 3,
    chash: CHASH,
    seq: 7,
    prev: hashOf('the position before'),
    iat: NOW - 3600,
    exp: NOW + 86_400,
    purpose: 'prompt.tag',
  };
  const kinds = signatures(suite, { claims, typ: 'bulla-tag+jwt', signer: author(one), other: made.owner, stranger });
  const inputOf = (token) => ({ tokens: [token], name: NAME, label: 'latest' });
  const { prev } = claims;
  const pos = hashOf(JSON.stringify([NAME, 'latest', 7, sub, 3, CHASH, prev]));
  return casesOf(suite, kinds, checksOf('tag'), 'verify', inputOf, { sub, ver: 3, chash: CHASH, seq: 7, prev, pos });
}

function invocation(one) {
  const { suite, made, trust } = one;
  const { invoker, vault, owner } = made;
  const [{ urn: aud, enc }] = made.responders;
  const issued = envelopeClaims(one);
  const key = vault.sig.privateJwk;
  const env = jws(JSON.stringify(issued), key, { alg: signAlgOf(key), typ: 'bulla-envelope+jwt', kid: vault.sig.kid });
  const claims = {
    iss: invoker.urn,
    aud,
    iat: NOW,
    exp: NOW + 60,
    jti: 'inv_01kz84k0v7eftvk3x9m2q5c8hp',
    purpose: 'prompt.invoke',
    name: NAME,
    env: { jti: issued.jti, hash: hashOf(env) },
    dir: { ver: trust.directory.version, hash: trust.directoryRef.hash },
    rsp: Buffer.alloc(32, 7).toString('base64url'),
    vars: {},
    messages: [],
    opt: { stream: true, privacy: 'padded' },
  };
  const inner = signatures(suite, { claims, typ: 'bulla-invoke+jwt', signer: invoker, other: owner, stranger });
  const header = {
    alg: algOf(enc.privateJwk),
    enc: 'A256GCM',
    typ: 'bulla-invoke+jwe',
    cty: 'bulla-invoke+jwt',
    kid: enc.kid,
    iss: invoker.urn,
    aud,
  };
  const seal = (changes, token = inner.valid[suite]) => jwe(token, enc.privateJwk, header, changes);
  const inside = (tokens) =>
    Object.fromEntries(
      Object.entries(tokens).flatMap(([name, token]) =>
        token === undefined ? [] : [[`inside: ${name}`, seal({}, token)]],
      ),
    );
  const outside = Map.groupBy(outsides(enc.privateJwk, seal, stranger.privateJwk), ([, , code]) => code);
  const tokensOf = (code) => Object.fromEntries(outside.get(code).map(([name, token]) => [name, token]));
  const kinds = {
    valid: Object.fromEntries(Object.entries(inner.valid).map(([name, token]) => [name, seal({}, token)])),
    token_malformed: tokensOf('token_malformed'),
    open_failed: { ...tokensOf('open_failed'), ...inside(inner.signature_invalid), ...inside(inner.token_malformed) },
    key_unknown: inside(inner.key_unknown),
  };
  const inputOf = (token) => ({ token, envelope: env, recipient: `@${suite}.enc`, audience: aud });
  return casesOf(suite, kinds, { key_unknown: 'invocation-key' }, 'open', inputOf, { claims });
}

/** A reply of one delta, whose fin is signed in all these ways. */
function frames(one) {
  const { suite, made, trust } = one;
  const [responder] = made.responders;
  const issued = envelopeClaims(one);
  const key = made.vault.sig.privateJwk;
  const header = { alg: signAlgOf(key), typ: 'bulla-envelope+jwt', kid: made.vault.sig.kid };
  const env = jws(JSON.stringify(issued), key, header);
  const question = { jti: 'inv_01kz84k0v7eftvk3x9m2q5c8hp', rh: hashOf('a question'), ih: hashOf('its inside') };
  const reply = finsOf({ responder, question, delta: Buffer.from('Grüß Gott 👋') });
  const claims = {
    iss: responder.urn,
    aud: issued.sub,
    iat: NOW,
    jti: 'v0AqWfhR3o_ZXn8UMWG7oQ',
    env: hashOf(env),
    dir: { ver: trust.directory.version, hash: trust.directoryRef.hash },
    finish: 'stop',
    model: 'echo',
    usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 },
    purpose: 'prompt.reply',
    prm: { id: issued.prm.id, name: issued.prm.name, ver: issued.prm.ver, chash: issued.prm.chash },
    irt: question,
    ...reply.summary,
  };
  const of = { claims, typ: 'bulla-reply-fin+jwt', signer: responder, other: made.owner, stranger };
  const { valid, signature_invalid, key_unknown, token_malformed } = signatures(suite, of);
  const kinds = { valid, signature_invalid, responder_key_changed: key_unknown, stream_truncated: token_malformed };
  const inputOf = (fin) => ({ ...reply.with(fin), envelope: env, irt: question, responder: responder.urn });
  const okOf = (fin) => ({ deltas: [reply.delta], fin });
  return casesOf(suite, kinds, { signature_invalid: 'reply-signature' }, 'open', inputOf, okOf);
}

const organisations = Object.fromEntries(suites.map(({ suite, organisation }) => [suite, organisation]));
const recipients = Object.fromEntries(
  suites.map(({ suite, made }) => [`${suite}.enc`, made.responders[0].enc.privateJwk]),
);
for (const [format, make] of Object.entries({ statement, envelope, tag, invocation, frames })) {
  const values = format === 'invocation' ? { ...organisations, ...recipients } : organisations;
  publish(`${format}-suites.json`, { format, values, cases: suites.flatMap(make) });
}
