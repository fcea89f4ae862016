/** Golden vectors of shares of a root key, valid and refused, with our code. */
import {
  encodeBase64url,
  generateKeyPair,
  loadSigner,
  parseShare,
  randomBytes,
  Secret,
  sealShare,
  utf8,
} from '@bulla/crypto';
import { dealShares } from '@bulla/crypto/open';
import { publish, read } from './published.mjs';

const { now } = read('golden/organisations.json');
const COUNTS = { shares: 5, threshold: 3 };

const root = new Secret(randomBytes(32));
const { set, file, shares } = await dealShares(root, COUNTS, now);
const other = await dealShares(root, COUNTS, now);
const pair = await generateKeyPair('ed25519', 'sig');
const forger = await loadSigner(pair.privateJwk, 'Ed25519');
const unseal = await generateKeyPair('p256', 'enc');
const [first] = shares;
const { header, claims } = parseShare(first);

/** The claims of the first share changed, signed by somebody who is not its dealer. */
async function forged(change = {}, headerChange = {}) {
  const parts = [
    { ...header, ...headerChange },
    { ...claims, ...change },
  ];
  const input = parts.map((part) => encodeBase64url(utf8(JSON.stringify(part)))).join('.');
  return `${input}.${encodeBase64url(await forger.sign(utf8(input)))}`;
}

const cases = [
  ...shares.map((share, before) => ({ name: `share ${before + 1} of 5`, result: 'valid', share, index: before + 1 })),
  { name: 'of another set', result: 'key_unknown', check: 'share-set', share: other.shares[0] },
  {
    name: 'signed by another key in the name of the dealer',
    result: 'signature_invalid',
    check: 'share-dealer',
    share: await forged(),
  },
  { name: 'an index beyond the number of shares', result: 'token_malformed', share: await forged({ index: 6 }) },
  { name: 'more that are needed than there are', result: 'token_malformed', share: await forged({ threshold: 6 }) },
  {
    name: 'a value of 32 bytes',
    result: 'token_malformed',
    share: await forged({ value: encodeBase64url(new Uint8Array(32)) }),
  },
  { name: 'a member more', result: 'token_malformed', share: await forged({ note: '' }) },
  { name: 'another type of token', result: 'token_malformed', share: await forged({}, { typ: 'bulla-tag+jwt' }) },
];

const { kid, publicJwk: jwk } = unseal;
const sealed = await sealShare(first, { kid, use: 'enc', alg: 'ECDH-ES+A256KW', jwk });
publish('golden/share.json', {
  format: 'share',
  set: JSON.parse(file),
  set_id: set.id,
  root: encodeBase64url(root.reveal()),
  cases,
  sealed: { to: unseal.privateJwk, token: sealed, index: 1 },
});
