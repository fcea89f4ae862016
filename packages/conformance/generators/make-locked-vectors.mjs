/** Golden vectors of locked files, valid and refused: `node:crypto` derives the key, our code seals. */
import { argon2Sync } from 'node:crypto';
import { encodeBase64url, encodeHex, Secret, utf8 } from '@bulla/crypto';
import { sealLocked } from '@bulla/crypto/key-files';
import { publish } from './published.mjs';

const PASSPHRASE = 'correct hörse battery staple';
/** A private key that is for tests only, and published on purpose. */
const PLAINTEXT =
  '{"kty":"OKP","crv":"Ed25519","x":"-nW1epoGsi5B0KTv_Jd0kqZwvaybswGgwUP18AlxJA0","d":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}\n';

const salt = Uint8Array.from({ length: 16 }, (_, index) => 0xa0 + index);
const kdf = { name: 'argon2id', m: 65_536, t: 3, p: 4, salt: encodeBase64url(salt) };
const key = new Uint8Array(
  argon2Sync('argon2id', {
    message: utf8(PASSPHRASE.normalize('NFC')),
    nonce: salt,
    memory: kdf.m,
    passes: kdf.t,
    parallelism: kdf.p,
    tagLength: 32,
  }),
);
const token = await sealLocked(utf8(PLAINTEXT), new Secret(new Uint8Array(key)), kdf);
const [header, , iv, ciphertext, tag] = token.split('.');

function flipped(part) {
  const bytes = Buffer.from(part, 'base64url');
  bytes[0] ^= 1;
  return bytes.toString('base64url');
}
function withHeader(change) {
  const value = JSON.parse(Buffer.from(header, 'base64url').toString());
  change(value);
  return [Buffer.from(JSON.stringify(value)).toString('base64url'), '', iv, ciphertext, tag].join('.');
}
const withKdf = (change) => withHeader((value) => Object.assign(value.kdf, change));
const refused = (name, result, changed) => ({ name, result, token: changed, key: encodeHex(key) });

const cases = [
  { name: 'keys under a passphrase', result: 'valid', token, key: encodeHex(key), plaintext: PLAINTEXT },
  { name: 'another key', result: 'open_failed', token, key: 'f'.repeat(64) },
  refused('a flipped bit of the IV', 'open_failed', [header, '', flipped(iv), ciphertext, tag].join('.')),
  refused('a flipped bit of the ciphertext', 'open_failed', [header, '', iv, flipped(ciphertext), tag].join('.')),
  refused('a flipped bit of the tag', 'open_failed', [header, '', iv, ciphertext, flipped(tag)].join('.')),
  refused('another salt', 'open_failed', withKdf({ salt: encodeBase64url(new Uint8Array(16)) })),
  refused('more passes than the key was made with', 'open_failed', withKdf({ t: 4 })),
  refused('more than 256 MiB of memory', 'token_malformed', withKdf({ m: 262_145 })),
  refused('more than ten passes', 'token_malformed', withKdf({ t: 11 })),
  refused('more than sixteen lanes', 'token_malformed', withKdf({ p: 17 })),
  refused('less memory than anybody writes', 'token_malformed', withKdf({ m: 8 })),
  refused('a short salt', 'token_malformed', withKdf({ salt: 'AAAAAAAAAAA' })),
  refused('another way of stretching', 'token_malformed', withKdf({ name: 'pbkdf2' })),
  refused(
    'a further member',
    'token_malformed',
    withHeader((value) => Object.assign(value, { zip: 'DEF' })),
  ),
  refused(
    'another type of token',
    'token_malformed',
    withHeader((value) => Object.assign(value, { typ: 'bulla-content+jwe' })),
  ),
  refused('an encrypted key where none is due', 'token_malformed', [header, 'AAAA', iv, ciphertext, tag].join('.')),
];
publish('golden/locked-key.json', { format: 'locked-key', passphrase: PASSPHRASE, cases });
