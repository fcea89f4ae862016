/** Signed tokens of which each is good, or bad in one way. */
import { createHash } from 'node:crypto';
import { flipped, json, jws, publicOf, signAlgOf, signed, withPart } from './raw-tokens.mjs';

const hashOf = (token) => createHash('sha256').update(token).digest('base64url');
/** The order of P-256. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

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
export function signatures(suite, { claims, typ, signer, other, stranger }) {
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
      'a key of another organisation': by({ kid: stranger.kid }, stranger.privateJwk),
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
