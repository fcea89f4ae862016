/**
 * Makes the vectors of signed tokens and of questions for each suite, once, after a build:
 * `node packages/conformance/test/make-signed-vectors.mjs`. Organisations come from `@bulla/crypto/testing`; the tokens
 * are made with `node:crypto` by the pages of docs/spec. What was published stays as it is.
 */
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { makeOrganisation } from '@bulla/crypto/testing';
import { outsides } from './outsides.mjs';
import { algOf, flipped, json, jwe, jws, publicOf, signAlgOf, signed, withPart } from './raw-tokens.mjs';

const NOW = 1_800_000_000;
const NAME = 'claims/triage';
const PROMPT = 'prm_01m8846r1de35rhayqpfw25ggb';
const CHASH = createHash('sha256').update('a content').digest('base64url');
const hashOf = (token) => createHash('sha256').update(token).digest('base64url');
/** The order of P-256. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const suites = [];
for (const suite of ['rsa2048', 'rsa3072', 'p256']) {
  const made = await makeOrganisation({ suite, now: NOW });
  const { org, pin, documents } = made;
  suites.push({ suite, made, organisation: { org, pin, documents }, trust: made.trust });
}
const strangers = await makeOrganisation({ suite: 'p256', now: NOW, org: 'globex' });

/** The other form that an ECDSA signature has: it verifies as well, which is why nothing counts tokens by their text. */
const mirrored = (token) =>
  withPart(token, 2, (text) => {
    const bytes = Buffer.from(text, 'base64url');
    const s = ORDER - BigInt(`0x${bytes.toString('hex', 32)}`);
    return Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]).toString(
      'base64url',
    );
  });

/** What may be changed about a signature, and what comes of it. */
function signatures(suite, { claims, typ, signer, other }) {
  const { privateJwk: jwk, kid } = signer.sig;
  const header = { alg: signAlgOf(jwk), typ, kid };
  const by = (changes = {}, key = jwk, how = {}) => jws(JSON.stringify(claims), key, { ...header, ...changes }, how);
  const spelled = (text) => signed(`${Buffer.from(text).toString('base64url')}.${json(claims)}`, jwk);
  const payload = (text) => signed(`${json(header)}.${Buffer.from(text).toString('base64url')}`, jwk);
  const text = JSON.stringify(claims);
  const good = by();
  const isRsa = jwk.kty === 'RSA';
  const hs256 = withPart(by({ alg: 'HS256' }), 2, () => hashOf('HMAC'));
  return {
    valid: { [suite]: good, ...(isRsa ? {} : { [`${suite}: the other form of the signature`]: mirrored(good) }) },
    signature_invalid: {
      'a flipped bit of the signature': flipped(good, 2),
      'the signature of another key': by({}, other.sig.privateJwk),
      'the algorithm of another kind of key': by({ alg: isRsa ? 'ES256' : 'PS256' }),
      'Ed25519 for a key of another kind': by({ alg: 'Ed25519' }),
      'no signature': withPart(good, 2, () => ''),
      'a signature one byte short': withPart(good, 2, (part) =>
        Buffer.from(part, 'base64url').subarray(1).toString('base64url'),
      ),
      ...(isRsa
        ? { 'PSS without salt': by({}, jwk, { saltLength: 0 }), 'PKCS#1 v1.5 under PS256': by({}, jwk, { padding: 1 }) }
        : { 'the signature in DER': by({}, jwk, { dsaEncoding: 'der' }) }),
      'other claims under the signature': withPart(good, 1, () => json({ ...claims, iat: claims.iat - 1 })),
    },
    key_unknown: {
      'a key of another organisation': by({ kid: strangers.author.sig.kid }, strangers.author.sig.privateJwk),
      'a kid that nobody has': by({ kid: hashOf('nobody') }),
    },
    token_malformed: {
      'alg none': withPart(by({ alg: 'none' }), 2, () => ''),
      'alg nOnE': by({ alg: 'nOnE' }),
      RS256: by({ alg: 'RS256' }),
      'HS256 under the public key': hs256,
      'no kid': by({ kid: undefined }),
      'a path for a kid': by({ kid: `../${kid}` }),
      'SQL for a kid': by({ kid: "' OR 1=1 --" }),
      'a key of its own': by({ jwk: publicOf(jwk) }),
      jku: by({ jku: 'https://example.org/keys' }),
      x5u: by({ x5u: 'https://example.org/keys' }),
      x5c: by({ x5c: ['MIIB'] }),
      crit: by({ crit: ['b64'], b64: true }),
      b64: by({ b64: true }),
      'another typ': by({ typ: 'JWT' }),
      'no typ': by({ typ: undefined }),
      'a member of the header twice': spelled(JSON.stringify(header).replace('{', `{"alg":"${header.alg}",`)),
      'white space in the header': spelled(JSON.stringify(header, null, 1)),
      'a claim twice': payload(text.replace('{', `{"iat":${claims.iat},`)),
      'white space in the payload': payload(JSON.stringify(claims, null, 1)),
      'a byte order mark': payload(`\ufeff${text}`),
      'a claim more': payload(text.replace('{', '{"more":1,')),
      'no iat': payload(JSON.stringify({ ...claims, iat: undefined })),
      'a time with a fraction': payload(text.replace(`"iat":${claims.iat}`, `"iat":${claims.iat}.5`)),
      'a time in another spelling': payload(text.replace(`"iat":${claims.iat}`, `"iat":${claims.iat}.0`)),
      'another purpose': payload(JSON.stringify({ ...claims, purpose: 'other' })),
      'a name that reaches prototypes': payload(text.replace('{', '{"__proto__":{},')),
      'a payload that is no object': payload('[]'),
      'two parts': good.split('.').slice(0, 2).join('.'),
      'four parts': `${good}.`,
      padding: `${good}=`,
      'a line feed at the end': `${good}\n`,
      'JSON serialisation': JSON.stringify({
        protected: good.split('.')[0],
        payload: good.split('.')[1],
        signature: good.split('.')[2],
      }),
      nothing: '',
    },
  };
}

/** Cases of a format: `inputOf` a token, and the `ok` of the valid ones. */
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
              expected: code === 'valid' ? { ok } : { refused: code, ...(checks[code] && { check: checks[code] }) },
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
  const kinds = signatures(suite, { claims, typ: 'bulla-prompt+jwt', signer: author(one), other: made.owner });
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
  const kinds = signatures(suite, { claims, typ: 'bulla-envelope+jwt', signer: made.vault, other: made.owner });
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
    iat: NOW - 3600,
    exp: NOW + 86_400,
    purpose: 'prompt.tag',
  };
  const kinds = signatures(suite, { claims, typ: 'bulla-tag+jwt', signer: author(one), other: made.owner });
  const inputOf = (token) => ({ tokens: [token], name: NAME, label: 'latest' });
  return casesOf(suite, kinds, checksOf('tag'), 'verify', inputOf, { sub, ver: 3, chash: CHASH, seq: 7 });
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
  const inner = signatures(suite, { claims, typ: 'bulla-invoke+jwt', signer: invoker, other: owner });
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
  const outside = Map.groupBy(outsides(enc.privateJwk, seal, strangers.author.sig.privateJwk), ([, , code]) => code);
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

const organisations = Object.fromEntries(suites.map(({ suite, organisation }) => [suite, organisation]));
const recipients = Object.fromEntries(
  suites.map(({ suite, made }) => [`${suite}.enc`, made.responders[0].enc.privateJwk]),
);
for (const [format, make] of Object.entries({ statement, envelope, tag, invocation })) {
  const path = new URL(`../vectors/${format}-suites.json`, import.meta.url);
  const values = format === 'invocation' ? { ...organisations, ...recipients } : organisations;
  if (!existsSync(path))
    writeFileSync(path, `${JSON.stringify({ format, values, cases: suites.flatMap(make) }, null, 1)}\n`);
}
