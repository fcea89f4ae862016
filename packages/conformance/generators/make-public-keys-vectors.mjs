/** Golden vectors of stated public keys, valid and refused, with our code. */
import { encodeBase64url, loadSigner, utf8 } from '@bulla/crypto';
import { signPublicKeys } from '@bulla/crypto/key-files';
import { publish, read } from './published.mjs';

const { now, acme, globex } = read('golden/organisations.json');
const responder = acme.entities.eu1;

function keyFile({ urn, keys }) {
  const pur = { sig: ['http', 'reply'], enc: ['unwrap'] };
  const of = (use) => ({ ...keys[use], use, suite: suiteOf(keys[use]), pur: pur[use] });
  return { v: 1, org: urn.split(':')[2], urn, keys: [of('sig'), of('enc')] };
}
function suiteOf({ jwk }) {
  if (jwk.kty === 'OKP') return 'ed25519';
  return Buffer.from(jwk.n, 'base64url').length > 256 ? 'rsa3072' : 'rsa2048';
}

const file = keyFile(responder);
const token = await signPublicKeys(file, now);
const [header, payload] = token.split('.');
const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
const signer = await loadSigner(responder.keys.sig.jwk, responder.keys.sig.alg);
const other = await loadSigner(globex.entities.eu1.keys.sig.jwk, globex.entities.eu1.keys.sig.alg);

/** The same claims changed, signed anew. */
async function signed(change, by = signer, headerChange = {}) {
  const changed = structuredClone(claims);
  change(changed);
  const head = { ...JSON.parse(Buffer.from(header, 'base64url').toString()), kid: by.kid, ...headerChange };
  const input = [head, changed].map((part) => encodeBase64url(utf8(JSON.stringify(part)))).join('.');
  return `${input}.${encodeBase64url(await by.sign(utf8(input)))}`;
}
const foreignEnc = globex.entities.eu1.keys.enc.jwk;

const cases = [
  { name: 'the keys of a responder', result: 'valid', token, urn: file.urn, kid: signer.kid },
  {
    name: 'another encryption key, under the signature of before',
    result: 'signature_invalid',
    check: 'public-keys-signature',
    token: await swapped(),
  },
  {
    name: 'signed by a key that is not among them',
    result: 'token_malformed',
    token: await signed(() => undefined, other),
  },
  {
    name: 'another organisation than the entity is of',
    result: 'token_malformed',
    token: await signed((value) => Object.assign(value, { aud: 'urn:bulla:globex' })),
  },
  {
    name: 'a kid that is not the thumbprint of its key',
    result: 'key_invalid',
    token: await signed((value) => Object.assign(value.keys[1], { jwk: { kty: 'RSA', n: foreignEnc.n, e: 'AQAB' } })),
  },
  { name: 'a key twice', result: 'token_malformed', token: await signed((value) => value.keys.push(value.keys[0])) },
  {
    name: 'a private member',
    result: 'token_malformed',
    token: await signed((value) => Object.assign(value.keys[0].jwk, { d: 'AA' })),
  },
  { name: 'no keys', result: 'token_malformed', token: await signed((value) => Object.assign(value, { keys: [] })) },
  {
    name: 'another type of token',
    result: 'token_malformed',
    token: await signed(() => undefined, signer, { typ: 'bulla-tag+jwt' }),
  },
];

/** The payload with another encryption key, under the old signature. */
async function swapped() {
  const changed = structuredClone(claims);
  changed.keys[1].jwk.n = foreignEnc.n;
  changed.keys[1].kid = globex.entities.eu1.keys.enc.kid;
  const [head, , signature] = token.split('.');
  return [head, encodeBase64url(utf8(JSON.stringify(changed))), signature].join('.');
}

publish('golden/public-keys.json', { format: 'public-keys', cases });
