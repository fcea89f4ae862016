import type { Bytes } from '../encoding/bytes.js';
import { encodeHex, randomBytes } from '../encoding/bytes.js';
import type { DerValue } from './der.js';
import { contentOf, oidOf, readDer, readPositive, readSequence, TAG, writeDer, writeInteger, writeOid } from './der.js';
import { CryptoError } from '../names/errors.js';
import type { Secret } from '../encoding/secret.js';
import { invalidKey } from '../keys/suite-kind.js';

/**
 * Encrypted PKCS#8 (RFC 5958 §3, RFC 8018 PBES2): PBKDF2 with HMAC-SHA-256 and AES-256-CBC, which every tool reads and
 * FIPS allows. It has no authentication; a changed file shows as a broken key.
 */

const PBES2 = '2a864886f70d01050d';
const PBKDF2 = '2a864886f70d01050c';
const HMAC_SHA256 = '2a864886f70d0209';
const AES_256_CBC = '60864801650304012a';
/** OWASP's least for PBKDF2 with HMAC-SHA-256. */
const ITERATIONS = 600_000;
/** The file's writer chose the number: a higher one than this would hold the reader up for seconds. */
const ITERATIONS_MAX = 10_000_000;
const SALT_BYTES = 16;
const NOTHING = writeDer(TAG.nothing);

/**
 * Puts PKCS#8 under a passphrase; salt and IV are fresh.
 * @param passphrase UTF-8
 */
export async function encryptPkcs8(pkcs8: Bytes, passphrase: Secret): Promise<Bytes> {
  const [salt, iv] = [randomBytes(SALT_BYTES), randomBytes(16)];
  const key = await stretch(passphrase, salt, ITERATIONS, 'encrypt');
  const encrypted = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-CBC', iv }, key, pkcs8));
  const sequence = (...parts: Bytes[]) => writeDer(TAG.sequence, ...parts);
  const hmac = sequence(writeOid(HMAC_SHA256), NOTHING);
  const stretching = sequence(writeDer(TAG.octets, salt), writeInteger(ITERATIONS), hmac);
  const scheme = sequence(
    sequence(writeOid(PBKDF2), stretching),
    sequence(writeOid(AES_256_CBC), writeDer(TAG.octets, iv)),
  );
  return sequence(sequence(writeOid(PBES2), scheme), writeDer(TAG.octets, encrypted));
}

/**
 * The PKCS#8 under a passphrase.
 * @throws {CryptoError} key_invalid for another scheme or too many iterations; open_failed for another passphrase
 */
export async function decryptPkcs8(der: Bytes, passphrase: () => Promise<Secret>): Promise<Bytes> {
  const [algorithm, encrypted] = readSequence(readDer(der));
  const { salt, iterations, iv } = readScheme(algorithm);
  const data = contentOf(encrypted, TAG.octets);
  const key = await stretch(await passphrase(), salt, iterations, 'decrypt');
  try {
    const pkcs8 = new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-CBC', iv }, key, data));
    // One of 256 wrong passphrases leaves a padding that is in order, and bytes that are not.
    readDer(pkcs8);
    return pkcs8;
  } catch {
    throw new CryptoError('open_failed', 'could not be opened');
  }
}

function readScheme(algorithm: DerValue | undefined): { salt: Bytes; iterations: number; iv: Bytes } {
  const [scheme, parameters] = readSequence(algorithm);
  if (oidOf(scheme) !== PBES2) throw unsupported();
  const [derivation, cipher] = readSequence(parameters);
  const [name, stretching] = readSequence(derivation);
  const [cipherName, iv] = readSequence(cipher);
  if (oidOf(name) !== PBKDF2 || oidOf(cipherName) !== AES_256_CBC) throw unsupported();
  const [salt, count, ...rest] = readSequence(stretching);
  // Between count and hash may stand the length of the key, which the cipher says too.
  const hash = rest.at(-1);
  if (hash === undefined || rest.length > 2 || oidOf(readSequence(hash)[0]) !== HMAC_SHA256) throw unsupported();
  const iterations = Number.parseInt(encodeHex(readPositive(count)), 16);
  if (!(iterations <= ITERATIONS_MAX))
    throw invalidKey(`its passphrase is stretched more than ${ITERATIONS_MAX} times`);
  const ivBytes = contentOf(iv, TAG.octets);
  if (ivBytes.length !== 16) throw unsupported();
  return { salt: contentOf(salt, TAG.octets), iterations, iv: ivBytes };
}

async function stretch(
  passphrase: Secret,
  salt: Bytes,
  iterations: number,
  usage: 'encrypt' | 'decrypt',
): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey('raw', passphrase.reveal(), 'PBKDF2', false, ['deriveKey']);
  const parameters = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations };
  return crypto.subtle.deriveKey(parameters, base, { name: 'AES-CBC', length: 256 }, false, [usage]);
}

function unsupported(): CryptoError {
  return invalidKey('its passphrase works another way than PBKDF2 with HMAC-SHA-256 and AES-256-CBC');
}
