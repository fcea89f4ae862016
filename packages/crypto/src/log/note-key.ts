import { decodeBase64, encodeBase64 } from '../encoding/base64.js';
import type { Bytes } from '../encoding/bytes.js';
import { concatBytes, decodeBase64url, encodeBase64url, encodeHex, sha256, utf8 } from '../encoding/bytes.js';
import type { PublicJwk } from '../keys/suites.js';
import { checkPublicJwk } from '../keys/suites.js';
import { CryptoError } from '../names/errors.js';

/** Signature types of C2SP signed-note, both Ed25519: over the text, and over a time and the text (C2SP tlog-cosignature). */
const TYPES = { note: 0x01, cosignature: 0x04 } as const;
const KEY_NAME_MAX = 256;
const ID_BYTES = 4;
const KEY_NAME = /^[^\p{White_Space}+]+$/u;
/** Nothing below U+0020 but newlines. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\0-\x09\x0b-\x1f]/;

interface KeyFor<Signs extends keyof typeof TYPES> {
  /** A URL without scheme: no space and no plus, at most 256 characters. */
  readonly name: string;
  /** SHA-256(name ‖ 0x0A ‖ type ‖ public key), the first four bytes, lower-case hexadecimal. */
  readonly id: string;
  readonly alg: 'Ed25519';
  readonly jwk: PublicJwk;
  readonly signs: Signs;
}

/** A key that signs notes. Name and id together say which one it is, and by which algorithm it signs. */
export type NoteKey = KeyFor<'note'>;

/** A key of a witness, which signs that it saw a checkpoint and when. It has its type in its id and signs nothing else. */
export type WitnessKey = KeyFor<'cosignature'>;

/**
 * A note key of this name.
 * @param jwk an Ed25519 public key.
 * @throws {CryptoError} token_malformed for the name; key_invalid
 */
export async function noteKeyOf(name: string, jwk: PublicJwk): Promise<NoteKey> {
  return keyOf('note', name, jwk);
}

/** A witness's key of this name. @throws {CryptoError} as noteKeyOf */
export async function witnessKeyOf(name: string, jwk: PublicJwk): Promise<WitnessKey> {
  return keyOf('cosignature', name, jwk);
}

/** `name+id+base64(type ‖ public key)`: the form in which keys of logs and witnesses are handed on. */
export function encodeNoteKey({ name, id, jwk, signs }: NoteKey | WitnessKey): string {
  return `${name}+${id}+${encodeBase64(concatBytes(Uint8Array.of(TYPES[signs]), publicBytesOf(jwk)))}`;
}

/**
 * A note key that was handed on.
 * @throws {CryptoError} token_malformed; key_invalid, also where the id is not that of the key
 */
export async function parseNoteKey(text: string): Promise<NoteKey> {
  return parseKey('note', text);
}

/** A witness's key that was handed on. @throws {CryptoError} as parseNoteKey */
export async function parseWitnessKey(text: string): Promise<WitnessKey> {
  return parseKey('cosignature', text);
}

/** Whether this can be the name of a key of a log or a witness. */
export function isKeyName(name: string): boolean {
  return name.length <= KEY_NAME_MAX && name.isWellFormed() && KEY_NAME.test(name) && !hasControl(name);
}

/** Whether a text has what no note may have: control characters but newlines. */
export function hasControl(text: string): boolean {
  return CONTROL.test(text);
}

/** What stands before a signature. */
export function idBytesOf({ id }: NoteKey | WitnessKey): Bytes {
  return Uint8Array.from(id.match(/../g) ?? [], (hex) => Number.parseInt(hex, 16));
}

/** What stands before a signature, and the signature. @throws {CryptoError} token_malformed */
export function splitId(bytes: Bytes): { readonly id: string; readonly signature: Bytes } {
  if (bytes.length <= ID_BYTES) throw malformed('a signature of a note is too short');
  return { id: encodeHex(bytes.subarray(0, ID_BYTES)), signature: bytes.slice(ID_BYTES) };
}

async function keyOf<Signs extends keyof typeof TYPES>(
  signs: Signs,
  name: string,
  jwk: PublicJwk,
): Promise<KeyFor<Signs>> {
  if (!isKeyName(name)) throw malformed('not the name of a note key');
  checkPublicJwk(jwk, 'ed25519');
  const publicKey = publicBytesOf(jwk);
  const hash = await sha256(concatBytes(utf8(`${name}\n`), Uint8Array.of(TYPES[signs]), publicKey));
  return { name, id: encodeHex(hash.subarray(0, ID_BYTES)), alg: 'Ed25519', jwk, signs };
}

async function parseKey<Signs extends keyof typeof TYPES>(signs: Signs, text: string): Promise<KeyFor<Signs>> {
  const [, name, id, encoded] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]{44})$/.exec(text) ?? [];
  if (name === undefined || encoded === undefined) throw malformed('not a note key');
  const [type, ...publicKey] = decodeBase64(encoded);
  // guard: note-key-type
  if (type !== TYPES[signs]) throw new CryptoError('key_invalid', 'a note key of another type');
  const key = await keyOf(signs, name, {
    kty: 'OKP',
    crv: 'Ed25519',
    x: encodeBase64url(Uint8Array.from(publicKey)),
  });
  // guard: note-key-id
  if (key.id !== id) throw new CryptoError('key_invalid', 'the id of a note key is not that of its name and key');
  return key;
}

function publicBytesOf(jwk: PublicJwk): Bytes {
  if (jwk.kty !== 'OKP') throw new CryptoError('key_invalid', 'notes are signed with Ed25519');
  return decodeBase64url(jwk.x);
}

function malformed(message: string): CryptoError {
  return new CryptoError('token_malformed', message);
}
