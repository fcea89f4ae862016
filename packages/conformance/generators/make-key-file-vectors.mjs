/** Vectors of key files: with `node:crypto`, by docs/spec/key-files.md, and not with our code. */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { namesOf } from './names.mjs';
import { publicOf, thumbprint } from './raw-tokens.mjs';
import { publish, read } from './published.mjs';

const { values } = read('crossings.json');
const PASSPHRASE = 'correct horse battery staple';
/** Two keys of each suite that seals, as letters have them; Ed25519 only signs. */
const ed25519 = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
const keys = {
  rsa2048: { sig: values['rsa2048.sig'], enc: values['rsa2048.enc'] },
  rsa3072: { sig: values['rsa3072.sig'], enc: values['rsa3072.enc'] },
  p256: { sig: values['p256.sig'], enc: values['p256.enc'] },
  ed25519: { sig: ed25519 },
};
const halves = { public: 'public', private: 'private' };

const objectOf = (jwk, half) =>
  half === halves.public ? createPublicKey({ key: jwk, format: 'jwk' }) : createPrivateKey({ key: jwk, format: 'jwk' });
const type = (half) => (half === halves.public ? 'spki' : 'pkcs8');
const pem = (jwk, half) => String(objectOf(jwk, half).export({ format: 'pem', type: type(half) }));
const der = (jwk, half) => objectOf(jwk, half).export({ format: 'der', type: type(half) });
const locked = (jwk) =>
  objectOf(jwk, halves.private).export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: PASSPHRASE });
const json = (value) => JSON.stringify(value);

const said = (suite, jwk, use) => {
  const kid = thumbprint(jwk);
  return { suite, kid, ...(use && { use }), ...namesOf(Buffer.from(kid, 'base64url')), jwk: publicOf(jwk) };
};
const input = (file, half, passphrase) => ({
  file: Buffer.from(file).toString('base64url'),
  half,
  ...(passphrase !== undefined && { passphrase }),
});
const valid = (name, file, half, listed, passphrase) => ({
  op: 'open',
  name,
  input: input(file, half, passphrase),
  expected: { ok: { keys: listed } },
});
const refused = (name, file, half = halves.public, code = 'key_invalid', passphrase) => ({
  op: 'open',
  name,
  input: input(file, half, passphrase),
  expected: { refused: code },
});

function ofSuite([suite, { sig, enc }]) {
  const one = [said(suite, sig)];
  const pair = enc === undefined ? [] : [said(suite, sig, 'sig'), said(suite, enc, 'enc')];
  const both = (half, write) => `${write(sig, half)}${write(enc, half)}`;
  return [
    ...Object.values(halves).flatMap((half) => {
      const jwk = half === halves.public ? publicOf(sig) : sig;
      return [
        valid(`${suite}: one ${half} key, PEM`, pem(sig, half), half, one),
        valid(`${suite}: one ${half} key, DER`, der(sig, half), half, one),
        valid(`${suite}: one ${half} key, JWK`, json(jwk), half, one),
        valid(`${suite}: one ${half} key, JWK that says its use`, json({ ...jwk, use: 'sig' }), half, [
          said(suite, sig, 'sig'),
        ]),
        ...(enc === undefined
          ? []
          : [
              valid(`${suite}: two ${half} keys, PEM`, both(half, pem), half, pair),
              valid(
                `${suite}: two ${half} keys, JWK Set`,
                json({ keys: [jwk, half === halves.public ? publicOf(enc) : enc] }),
                half,
                pair,
              ),
            ]),
      ];
    }),
    valid(`${suite}: under a passphrase`, locked(sig), halves.private, one, PASSPHRASE),
    refused(`${suite}: another passphrase`, locked(sig), halves.private, 'open_failed', `${PASSPHRASE}.`),
    refused(`${suite}: under a passphrase that nobody gave`, locked(sig), halves.private),
    refused(`${suite}: private where a public one is due`, pem(sig, halves.private)),
    refused(`${suite}: under a passphrase where a public one is due`, locked(sig), halves.public, 'key_invalid'),
    refused(`${suite}: public where a private one is due`, pem(sig, halves.public), halves.private),
    refused(`${suite}: one key twice`, `${pem(sig, halves.public)}${pem(sig, halves.public)}`),
    refused(`${suite}: a byte after the key`, Buffer.concat([der(sig, halves.public), Buffer.of(0)])),
    refused(`${suite}: a byte less`, der(sig, halves.public).subarray(0, -1)),
    refused(`${suite}: a member more`, json({ ...publicOf(sig), x5u: 'https://example.org' })),
    refused(`${suite}: a use that nobody knows`, json({ ...publicOf(sig), use: 'both' })),
    refused(`${suite}: an algorithm of no suite`, json({ ...publicOf(sig), alg: 'RS256' })),
  ];
}

const pairOf = (kind, options) => generateKeyPairSync(kind, options);
const stranger = pairOf('rsa', { modulusLength: 2048 });
const changed = (jwk, changes) => json({ ...publicOf(jwk), ...changes });
const block = (label, bytes) => `-----BEGIN ${label}-----\n${bytes.toString('base64')}\n-----END ${label}-----\n`;
const { p256, rsa2048, rsa3072 } = keys;
const strangers = {
  'an RSA key of 1,024 bits': pem(pairOf('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }), 'public'),
  'an RSA key of 4,096 bits': pem(pairOf('rsa', { modulusLength: 4096 }).publicKey.export({ format: 'jwk' }), 'public'),
  'an exponent of 3': pem(
    pairOf('rsa', { modulusLength: 2048, publicExponent: 3 }).publicKey.export({ format: 'jwk' }),
    'public',
  ),
  'a key that is bound to RSASSA-PSS': pairOf('rsa-pss', { modulusLength: 2048 }).publicKey.export({
    format: 'pem',
    type: 'spki',
  }),
  'P-384': pairOf('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'pem', type: 'spki' }),
  X25519: pairOf('x25519').publicKey.export({ format: 'pem', type: 'spki' }),
  Ed448: pairOf('ed448').publicKey.export({ format: 'pem', type: 'spki' }),
  'PKCS#1': stranger.publicKey.export({ format: 'pem', type: 'pkcs1' }),
  'a point off the curve': changed(p256.sig, { y: p256.sig.x }),
  'a coordinate in another spelling': changed(p256.sig, { x: `${p256.sig.x}=` }),
  'a modulus with a leading zero': changed(rsa2048.sig, {
    n: Buffer.concat([Buffer.of(0), Buffer.from(rsa2048.sig.n, 'base64url')]).toString('base64url'),
  }),
  'an Ed25519 point of small order': changed(ed25519, { x: 'A'.repeat(43) }),
  'an Ed25519 point in another spelling': changed(ed25519, {
    x: Buffer.concat([Buffer.of(0xee), Buffer.alloc(30, 0xff), Buffer.of(0x7f)]).toString('base64url'),
  }),
  'a shared secret': json({ kty: 'oct', k: 'AAAA' }),
  'a use and an algorithm that differ': changed(p256.sig, { use: 'enc', alg: 'ES256' }),
  'three keys': [p256.sig, p256.enc, rsa2048.sig].map((one) => pem(one, 'public')).join(''),
  'a public and a private one': `${pem(p256.sig, 'public')}${pem(p256.enc, 'private')}`,
  'a certificate': block('CERTIFICATE', Buffer.alloc(9)),
  'a block that does not end': '-----BEGIN PUBLIC KEY-----\nAAAA\n',
  'a block of no base64': '-----BEGIN PUBLIC KEY-----\n***\n-----END PUBLIC KEY-----\n',
  'a block of indefinite length': block('PUBLIC KEY', Buffer.of(0x30, 0x80, 0, 0)),
  'a member twice': '{"kty":"EC","kty":"EC"}',
  'neither text nor DER': Buffer.of(0xff, 0xfe),
  nothing: '',
};
const mixed = (jwk, members) => {
  const other = objectOf(
    jwk.kty === 'RSA' ? stranger.privateKey.export({ format: 'jwk' }) : p256.enc,
    halves.private,
  ).export({ format: 'jwk' });
  return json({ ...jwk, ...Object.fromEntries(members.map((name) => [name, other[name]])) });
};
const keyFiles = [
  ...Object.entries(keys).flatMap(ofSuite),
  valid(
    'text before, between and after the blocks',
    `Alice's\n${pem(p256.sig, 'public')}and\n${pem(p256.enc, 'public')}.`,
    'public',
    [said('p256', p256.sig, 'sig'), said('p256', p256.enc, 'enc')],
  ),
  valid('two suites in one file', `${pem(rsa3072.sig, 'public')}${pem(p256.enc, 'public')}`, 'public', [
    said('rsa3072', rsa3072.sig, 'sig'),
    said('p256', p256.enc, 'enc'),
  ]),
  valid(
    'members that do not matter',
    json({ ...publicOf(p256.sig), kid: 'mine', ext: true, key_ops: ['verify'] }),
    'public',
    [said('p256', p256.sig)],
  ),
  ...Object.entries(strangers).map(([name, file]) => refused(name, file)),
  refused('a private half of another RSA key', mixed(rsa2048.sig, ['n']), 'private'),
  refused('a private half of another key on P-256', mixed(p256.sig, ['x', 'y']), 'private'),
  refused(
    'SEC 1',
    createPrivateKey({ key: p256.sig, format: 'jwk' }).export({ format: 'pem', type: 'sec1' }),
    'private',
  ),
  refused('more than 64 KiB', `${pem(p256.sig, 'public')}${' '.repeat(65_536)}`, 'public', 'payload_too_large'),
];

publish('key-file.json', { format: 'key-file', values: {}, cases: keyFiles });
