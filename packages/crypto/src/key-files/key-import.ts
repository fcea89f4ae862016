import * as z from '#zod';
import type { Bytes } from '../encoding/bytes.js';
import { decodeUtf8, encodeBase64url } from '../encoding/bytes.js';
import type { DerValue } from './der.js';
import { contentOf, oidOf, readBits, readDer, readPositive, readSequence, TAG } from './der.js';
import { CryptoError } from '../names/errors.js';
import { decryptPkcs8 } from './key-encryption.js';
import type { KeyMaterial } from '../keys/key-material.js';
import { keyMaterialOf } from './key-material.js';
import { keyFileSchema } from '../keys/keys.js';
import { parsePem } from './pem.js';
import { checkShape } from '../encoding/schema.js';
import type { Secret } from '../encoding/secret.js';
import { strictParseBody } from '../encoding/strict-parse.js';
import type { KeyParameters } from '../platform/platform.js';
import { invalidKey } from '../keys/suite-kind.js';
import type { PrivateJwk, PublicJwk } from '../keys/suites.js';
import { ALL_SUITES, privateJwkSchema, publicJwkSchema } from '../keys/suites.js';

/** A file has one key, or one that signs and one that is sealed to. */
const KEYS_MAX = 2;
const FILE_MAX_BYTES = 65_536;
const RSA = '2a864886f70d010101';
const RSA_PSS = '2a864886f70d01010a';
const EC = '2a8648ce3d0201';
const P256 = '2a8648ce3d030107';
const ED25519 = '2b6570';

export interface ImportOptions {
  /** Asked for once, if a key of the file is encrypted. Without it such keys are refused. */
  readonly passphrase?: () => Promise<Secret>;
}

/**
 * The keys of a file: PEM (`PRIVATE KEY`, `ENCRYPTED PRIVATE KEY`, `PUBLIC KEY`), DER of one of these, JWK, JWK Set, or
 * a key file of Bulla. Each is checked; all are private or all are public.
 * @throws {CryptoError} key_invalid, saying what is wrong; open_failed for another passphrase; payload_too_large
 */
export async function importKeys(bytes: Bytes, options: ImportOptions = {}): Promise<KeyMaterial[]> {
  if (bytes.length > FILE_MAX_BYTES) throw new CryptoError('payload_too_large', 'too large for a file of keys');
  const keys = await readFile(bytes, onceOnly(options.passphrase));
  const privateCount = keys.filter(({ privateJwk }) => privateJwk !== undefined).length;
  if (keys.length === 0) throw invalidKey('the file has none');
  if (privateCount !== 0 && privateCount !== keys.length) throw invalidKey('private and public ones are in one file');
  // guard: key-file-twice
  if (new Set(keys.map(({ kid }) => kid)).size !== keys.length) throw invalidKey('it stands twice in the file');
  return keys;
}

/**
 * The keys of a file that others may have; one of private keys is refused.
 * @throws {CryptoError} as `importKeys`
 */
export async function importPublicKeys(bytes: Bytes): Promise<KeyMaterial[]> {
  // A private key under a passphrase is known without it.
  const refuse = () => Promise.reject(privateWhere());
  const keys = await importKeys(bytes, { passphrase: refuse });
  // guard: key-file-public
  if (keys.some(({ privateJwk }) => privateJwk !== undefined)) throw privateWhere();
  return keys;
}

/** A private key of a file. */
export type PrivateKeyMaterial = KeyMaterial & { readonly privateJwk: PrivateJwk };

/**
 * The private keys of a file; one of public keys is refused.
 * @throws {CryptoError} as `importKeys`
 */
export async function importPrivateKeys(bytes: Bytes, options: ImportOptions = {}): Promise<PrivateKeyMaterial[]> {
  return (await importKeys(bytes, options)).map((key) => {
    if (key.privateJwk === undefined) throw invalidKey('it is public, and a private one is due');
    return { ...key, privateJwk: key.privateJwk };
  });
}

async function readFile(bytes: Bytes, passphrase: () => Promise<Secret>): Promise<KeyMaterial[]> {
  if (bytes[0] === TAG.sequence) return [await keyMaterialOf(await readDerKey(bytes, passphrase))];
  const text = decodeText(bytes);
  if (text.trimStart().startsWith('{')) return readJson(bytes);
  const blocks = parsePem(text);
  if (blocks.length > KEYS_MAX) throw invalidKey(`the file has more than ${KEYS_MAX}`);
  const keys: KeyMaterial[] = [];
  for (const [index, { label, bytes: der }] of blocks.entries()) {
    const jwk = await readBlock(label, der, passphrase);
    keys.push(await keyMaterialOf(jwk, blocks.length === 1 ? undefined : useAt(index)));
  }
  return keys;
}

function useAt(index: number): 'sig' | 'enc' {
  return index === 0 ? 'sig' : 'enc';
}

async function readBlock(
  label: string,
  der: Bytes,
  passphrase: () => Promise<Secret>,
): Promise<PublicJwk | PrivateJwk> {
  if (label === 'PUBLIC KEY') return readSpki(der);
  if (label === 'PRIVATE KEY') return readPkcs8(der);
  if (label === 'ENCRYPTED PRIVATE KEY') return readPkcs8(await decryptPkcs8(der, passphrase));
  throw invalidKey(`its PEM label is "${label}"; wanted is PRIVATE KEY (PKCS#8) or PUBLIC KEY (SPKI)`);
}

/** DER says by its shape what it is: PKCS#8 begins with a number, SPKI holds a bit string, encrypted PKCS#8 octets. */
async function readDerKey(der: Bytes, passphrase: () => Promise<Secret>): Promise<PublicJwk | PrivateJwk> {
  const [first, second] = readSequence(readDer(der));
  if (first?.tag === TAG.integer && second?.tag !== TAG.sequence)
    throw invalidKey('it is PKCS#1 or SEC 1; wanted is PKCS#8, which `openssl pkcs8 -topk8` makes');
  if (first?.tag === TAG.integer) return readPkcs8(der);
  if (second?.tag === TAG.bits) return readSpki(der);
  return readPkcs8(await decryptPkcs8(der, passphrase));
}

/** SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). */
function readSpki(der: Bytes): PublicJwk {
  const [algorithm, key] = readSequence(readDer(der));
  const kind = kindOf(algorithm);
  const bytes = readBits(key);
  if (kind === RSA) {
    const [n, e] = readSequence(readDer(bytes)).map(readPositive);
    return shaped({ kty: 'RSA', n: encoded(n), e: encoded(e) }, publicJwkSchema);
  }
  if (kind === ED25519) return shaped({ kty: 'OKP', crv: 'Ed25519', x: encoded(bytes) }, publicJwkSchema);
  if (bytes[0] !== 4 || bytes.length !== 65) throw invalidKey('its point is not written uncompressed');
  const [x, y] = [bytes.slice(1, 33), bytes.slice(33)];
  return shaped({ kty: 'EC', crv: 'P-256', x: encoded(x), y: encoded(y) }, publicJwkSchema);
}

/** PrivateKeyInfo (RFC 5958 §2). The platform reads what is in it, and computes a public half that is not there. */
async function readPkcs8(der: Bytes): Promise<PrivateJwk> {
  let jwk: object;
  try {
    const [, algorithm] = readSequence(readDer(der));
    const kind = kindOf(algorithm);
    const of = ALL_SUITES.find(({ keys }) => keys.kty === KTY[kind]);
    const parameters: KeyParameters = of?.keys.signing.key ?? { name: kind };
    const key = await crypto.subtle.importKey('pkcs8', der, parameters, true, ['sign']);
    jwk = pick(await crypto.subtle.exportKey('jwk', key), of?.keys.members ?? []);
  } catch (error) {
    throw error instanceof CryptoError ? error : invalidKey('the platform does not accept it');
  }
  return shaped(jwk, privateJwkSchema);
}

const KTY: Readonly<Record<string, string>> = { [RSA]: 'RSA', [EC]: 'EC', [ED25519]: 'OKP' };

/** The object identifier of a key's algorithm, if suites have such keys. @throws {CryptoError} key_invalid */
function kindOf(algorithm: DerValue | undefined): string {
  const [kind, parameters] = readSequence(algorithm);
  const oid = oidOf(kind) ?? '';
  if (oid === RSA_PSS) throw invalidKey('it is bound to RSASSA-PSS in its file; wanted is one of rsaEncryption');
  if (!Object.hasOwn(KTY, oid)) throw invalidKey('no suite has keys of its algorithm');
  if (oid === EC && oidOf(parameters) !== P256) throw invalidKey('its curve is not P-256');
  if (oid === RSA) contentOf(parameters, TAG.nothing);
  return oid;
}

const jwkSetSchema = z.strictObject({ keys: z.array(z.record(z.string(), z.unknown())) });

async function readJson(bytes: Bytes): Promise<KeyMaterial[]> {
  const value = parseJson(bytes);
  if ('v' in value) return readBullaKeys(value);
  if (!('keys' in value)) return [await readJwk(value, undefined)];
  const { keys } = shaped(value, jwkSetSchema);
  if (keys.length > KEYS_MAX) throw invalidKey(`the file has more than ${KEYS_MAX}`);
  return Promise.all(keys.map((jwk, index) => readJwk(jwk, keys.length === 1 ? undefined : useAt(index))));
}

/** A key file of Bulla may hold older keys too, which only verify and open. */
function readBullaKeys(value: object): Promise<KeyMaterial[]> {
  const { keys } = shaped(value, keyFileSchema);
  return Promise.all(
    keys.map(async (key) => ({ ...(await keyMaterialOf(key.jwk, key.use)), ...('log' in key && { log: key.log }) })),
  );
}

/** A JWK that anybody may have made (RFC 7517 §4): what it says about itself has to fit, or does not matter. */
async function readJwk(value: Readonly<Record<string, unknown>>, use: KeyMaterial['use']): Promise<KeyMaterial> {
  const { use: said, alg, kid: _kid, ext: _ext, key_ops: _operations, ...material } = value;
  if (said !== undefined && said !== 'sig' && said !== 'enc') throw invalidKey('its use is neither sig nor enc');
  const jwk = 'd' in material ? shaped(material, privateJwkSchema) : shaped(material, publicJwkSchema);
  const byAlg = alg === undefined ? undefined : useOf(jwk.kty, alg);
  if (said !== undefined && byAlg !== undefined && said !== byAlg) throw invalidKey('its use and alg do not fit');
  return keyMaterialOf(jwk, said ?? byAlg ?? use);
}

function useOf(kty: string, alg: unknown): 'sig' | 'enc' {
  for (const { keys, sign, seal } of ALL_SUITES) {
    if (keys.kty === kty && alg === sign) return 'sig';
    if (keys.kty === kty && alg === seal) return 'enc';
  }
  throw invalidKey('no suite has keys of its type for its alg');
}

function parseJson(bytes: Bytes): Readonly<Record<string, unknown>> {
  try {
    return strictParseBody(bytes, { maxBytes: FILE_MAX_BYTES }) as Readonly<Record<string, unknown>>;
  } catch {
    throw invalidKey('its file is not JSON, or says something twice');
  }
}

/** The value, if it has the shape; says in words what people get wrong most. */
function shaped<T>(value: object, schema: z.ZodMiniType<T>): T {
  const { kty, crv, e } = value as Readonly<Record<string, unknown>>;
  // guard: key-file-exponent
  if (kty === 'RSA' && e !== 'AQAB') throw invalidKey('its exponent is not 65537');
  if (kty === 'EC' && crv !== 'P-256') throw invalidKey('its curve is not P-256');
  if (kty === 'OKP' && crv !== 'Ed25519') throw invalidKey('its curve is not Ed25519');
  if (kty === 'oct') throw invalidKey('it is a shared secret, and has no public half');
  try {
    return checkShape(value, schema, 'it');
  } catch (error) {
    throw invalidKey((error as CryptoError).message);
  }
}

function pick(jwk: object, members: readonly string[]): object {
  return Object.fromEntries(Object.entries(jwk).filter(([name]) => members.includes(name)));
}

function decodeText(bytes: Bytes): string {
  try {
    return decodeUtf8(bytes);
  } catch {
    throw invalidKey('its file is neither text nor DER');
  }
}

function encoded(bytes: Bytes | undefined): string {
  return encodeBase64url(bytes ?? new Uint8Array(0));
}

function onceOnly(passphrase: ImportOptions['passphrase']): () => Promise<Secret> {
  let asked: Promise<Secret> | undefined;
  return () => (asked ??= passphrase?.() ?? Promise.reject(invalidKey('it is under a passphrase')));
}

function privateWhere(): CryptoError {
  return invalidKey('it is private, and a public one is due: keep this file, and take its public half');
}
