/** JOSE tokens from `node:crypto` and RFC 7516 to 7518 alone, so that vectors can have what our code would not make. */
import {
  constants,
  createCipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  sign,
} from 'node:crypto';

const base64url = (bytes) => Buffer.from(bytes).toString('base64url');
export const json = (value) => base64url(JSON.stringify(value));

export const publicOf = ({ kty, n, e, crv, x, y }) => JSON.parse(JSON.stringify({ kty, n, e, crv, x, y }));

/** RFC 7638. */
export function thumbprint({ kty, n, e, crv, x, y }) {
  // JSON leaves out the `y` that Ed25519 does not have.
  const members = kty === 'RSA' ? { e, kty, n } : { crv, kty, x, y };
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}

export const algOf = (jwk) => (jwk.kty === 'RSA' ? 'RSA-OAEP-256' : 'ECDH-ES+A256KW');
export const signAlgOf = (jwk) => (jwk.kty === 'RSA' ? 'PS256' : 'ES256');

function length(bytes) {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(bytes.length);
  return Buffer.concat([prefix, bytes]);
}

/** RFC 7518 §4.6: Concat KDF without apu and apv, then AES Key Wrap. */
function agree(cek, jwk) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const z = diffieHellman({ privateKey, publicKey: createPublicKey({ key: jwk, format: 'jwk' }) });
  const info = [length(Buffer.from('ECDH-ES+A256KW')), Buffer.alloc(4), Buffer.alloc(4), Buffer.of(0, 0, 1, 0)];
  const kek = createHash('sha256')
    .update(Buffer.concat([Buffer.of(0, 0, 0, 1), z, ...info]))
    .digest();
  const wrap = createCipheriv('id-aes256-wrap', kek, Buffer.alloc(8, 0xa6));
  return { wrapped: Buffer.concat([wrap.update(cek), wrap.final()]), epk: publicKey.export({ format: 'jwk' }) };
}

function toRsa(cek, jwk) {
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, cek);
}

/**
 * A compact JWE to a key. The key is used as it should be, whatever the header says.
 * @param changes members of the header; undefined removes one.
 */
export function jwe(plaintext, jwk, header, changes = {}) {
  const cek = randomBytes(32);
  const { wrapped, epk } = jwk.kty === 'RSA' ? { wrapped: toRsa(cek, jwk) } : agree(cek, jwk);
  return jweUnder(plaintext, cek, { ...header, ...(epk && { epk }), ...changes }, { wrapped });
}

/**
 * A compact JWE under a content key: `dir`, unless a wrapped one comes along.
 * @param {object | string} header whose text is used as it is
 * @param {{ iv?: Buffer, wrapped?: Buffer }} [how] a fixed IV makes the same token each time
 */
export function jweUnder(plaintext, cek, header, { iv = randomBytes(12), wrapped = Buffer.alloc(0) } = {}) {
  const head = typeof header === 'string' ? base64url(header) : json(header);
  const cipher = createCipheriv('aes-256-gcm', cek, iv, { authTagLength: 16 });
  cipher.setAAD(Buffer.from(head));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return [head, ...[wrapped, iv, ciphertext, cipher.getAuthTag()].map(base64url)].join('.');
}

/**
 * A compact JWS by a private key, whatever the header says.
 * @param how what differs from PS256 and ES256 in the call of `sign`.
 */
export const jws = (payload, jwk, header, how = {}) => signed(`${json(header)}.${base64url(payload)}`, jwk, how);

/** The signing input with its signature. */
export const signed = (input, jwk, how = {}) => `${input}.${base64url(signatureOf(input, jwk, how))}`;

/** PS256, ES256 or Ed25519 over a text. */
export function signatureOf(text, jwk, how = {}) {
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  if (jwk.kty === 'OKP') return sign(null, Buffer.from(text), key);
  const rsa = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32, ...how };
  const options = jwk.kty === 'RSA' ? rsa : { key, dsaEncoding: 'ieee-p1363', ...how };
  return sign('sha256', Buffer.from(text), options);
}

/** The token with one part replaced by a function of its text. */
export const withPart = (token, index, change) =>
  token
    .split('.')
    .map((text, at) => (at === index ? change(text) : text))
    .join('.');

/** One bit of a part the other way. */
export const flipped = (token, index) =>
  withPart(token, index, (text) => {
    const bytes = Buffer.from(text, 'base64url');
    bytes[0] ^= 1;
    return base64url(bytes);
  });
