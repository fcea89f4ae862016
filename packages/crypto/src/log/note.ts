import { platform } from '#platform';
import { decodeBase64, encodeBase64 } from '../encoding/base64.js';
import type { Bytes } from '../encoding/bytes.js';
import {
  concatBytes,
  decodeBase64url,
  decodeUtf8,
  encodeBase64url,
  encodeHex,
  sha256,
  utf8,
} from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import { keyThumbprint, publicKeyOf } from '../keys/keys.js';
import type { Signer } from '../keys/signer.js';
import type { PublicJwk } from '../keys/suites.js';
import { checkPublicJwk, signingMethod } from '../keys/suites.js';

/** Largest note with its signatures, in bytes. */
export const NOTE_MAX_BYTES = 262_144;
/** Most signatures of a note; C2SP signed-note wants at least 16. */
export const NOTE_SIGNATURES_MAX = 64;
const KEY_NAME_MAX = 256;
/** Signature type of C2SP signed-note: Ed25519 over the text. */
const ED25519 = 0x01;
const ID_BYTES = 4;
/** Nothing below U+0020 but newlines. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\0-\x09\x0b-\x1f]/;
const KEY_NAME = /^[^\p{White_Space}+]+$/u;
const SIGNATURE_LINE = /^\u2014 ([^ ]+) ([A-Za-z0-9+/]+={0,2})$/u;

/** A key that signs notes. Name and id together say which one it is, and by which algorithm it signs. */
export interface NoteKey {
  /** A URL without scheme: no space and no plus, at most 256 characters. */
  readonly name: string;
  /** SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key), the first four bytes, lower-case hexadecimal. */
  readonly id: string;
  readonly alg: 'Ed25519';
  readonly jwk: PublicJwk;
}

/**
 * A note key of this name.
 * @param jwk an Ed25519 public key.
 * @throws {CryptoError} token_malformed for the name; key_invalid
 */
export async function noteKeyOf(name: string, jwk: PublicJwk): Promise<NoteKey> {
  if (!isKeyName(name)) throw malformed('not the name of a note key');
  checkPublicJwk(jwk, 'ed25519');
  const publicKey = publicBytesOf(jwk);
  const hash = await sha256(concatBytes(utf8(`${name}\n`), Uint8Array.of(ED25519), publicKey));
  return { name, id: encodeHex(hash.subarray(0, ID_BYTES)), alg: 'Ed25519', jwk };
}

/** `name+id+base64(0x01 ‖ public key)`: the form in which note keys are handed on. */
export function encodeNoteKey({ name, id, jwk }: NoteKey): string {
  return `${name}+${id}+${encodeBase64(concatBytes(Uint8Array.of(ED25519), publicBytesOf(jwk)))}`;
}

/**
 * A note key that was handed on.
 * @throws {CryptoError} token_malformed; key_invalid, also where the id is not that of the key
 */
export async function parseNoteKey(text: string): Promise<NoteKey> {
  const [, name, id, encoded] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]{44})$/.exec(text) ?? [];
  if (name === undefined || encoded === undefined) throw malformed('not a note key');
  const [type, ...publicKey] = decodeBase64(encoded);
  if (type !== ED25519) throw new CryptoError('key_invalid', 'a note key of another type than Ed25519');
  const key = await noteKeyOf(name, { kty: 'OKP', crv: 'Ed25519', x: encodeBase64url(Uint8Array.from(publicKey)) });
  // guard: note-key-id
  if (key.id !== id) throw new CryptoError('key_invalid', 'the id of a note key is not that of its name and key');
  return key;
}

export interface NoteSigner {
  readonly key: NoteKey;
  /** Holds the private half of `key`. */
  readonly signer: Signer;
}

/**
 * Signs a text with each of the keys, in this order.
 * @param text ends in a newline.
 * @returns the whole note: text, blank line, signature lines.
 * @throws {CryptoError} token_malformed for a text that no note can have; payload_too_large; key_invalid
 */
export async function signNote(text: string, signers: readonly NoteSigner[]): Promise<string> {
  if (!text.endsWith('\n') || !text.isWellFormed() || CONTROL.test(text)) throw malformed('not the text of a note');
  if (signers.length === 0) throw malformed('a note has a signature');
  if (signers.length > NOTE_SIGNATURES_MAX) throw tooLarge();
  const bytes = utf8(text);
  let note = `${text}\n`;
  for (const { key, signer } of signers) {
    // guard: note-signer
    if (signer.alg !== key.alg || signer.kid !== (await keyThumbprint(key.jwk)))
      throw new CryptoError('key_invalid', 'the signer is not the holder of the note key');
    const signature = await signer.sign(bytes);
    note += `\u2014 ${key.name} ${encodeBase64(concatBytes(idBytesOf(key), signature))}\n`;
  }
  if (utf8(note).length > NOTE_MAX_BYTES) throw tooLarge();
  return note;
}

export interface NoteSignature {
  readonly name: string;
  /** Eight lower-case hexadecimal digits. */
  readonly id: string;
  readonly signature: Bytes;
}

export interface ParsedNote {
  /** With its last newline. Nobody vouches for it yet. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/**
 * Reads a note without believing it (C2SP signed-note, Format).
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseNote(note: Uint8Array): ParsedNote {
  // guard: note-size
  if (note.length > NOTE_MAX_BYTES) throw tooLarge();
  const whole = decodeUtf8(note);
  // guard: note-control
  if (CONTROL.test(whole)) throw malformed('a note has a control character');
  // The text may have empty lines itself: the last one ends it.
  const end = whole.lastIndexOf('\n\n') + 1;
  if (end === 0 || !whole.endsWith('\n')) throw malformed('a note is text, a blank line and signatures');
  const lines = whole.slice(end + 1, -1).split('\n');
  // guard: note-signatures
  if (lines.length > NOTE_SIGNATURES_MAX) throw tooLarge();
  return { text: whole.slice(0, end), signatures: lines.map(parseSignatureLine) };
}

export interface VerifiedNote {
  readonly text: string;
  /** The known keys that signed, each once, in the order in which they were given. */
  readonly keys: readonly NoteKey[];
}

/**
 * The text of a note that at least one of the known keys signed; signatures of others count for nothing. Whether these
 * keys are enough is for the caller to say.
 * @throws {CryptoError} token_malformed, payload_too_large; key_unknown if none of the keys signed; signature_invalid if
 * a signature said to be of one of them is not
 */
export async function verifyNote(note: Uint8Array, known: readonly NoteKey[]): Promise<VerifiedNote> {
  const { text, signatures } = parseNote(note);
  const bytes = utf8(text);
  const signed = new Set<NoteKey>();
  for (const { name, id, signature } of signatures) {
    // Ids are short: two keys may share name and id, and then a signature has to be of one of them.
    const candidates = known.filter((key) => key.name === name && key.id === id);
    const key = await firstThat(candidates, async (one) => isSignedBy(one, bytes, signature));
    if (key !== undefined) signed.add(key);
    // guard: note-known-bad
    else if (candidates.length > 0) throw new CryptoError('signature_invalid', 'a signature of the note is not good');
  }
  // guard: note-unknown
  if (signed.size === 0) throw new CryptoError('key_unknown', 'no known key signed the note');
  return { text, keys: known.filter((key) => signed.has(key)) };
}

/** Whether this can be the name of a note key. */
export function isKeyName(name: string): boolean {
  return name.length <= KEY_NAME_MAX && name.isWellFormed() && KEY_NAME.test(name) && !CONTROL.test(name);
}

function parseSignatureLine(line: string): NoteSignature {
  const [, name = '', encoded = ''] = SIGNATURE_LINE.exec(line) ?? [];
  // guard: note-name
  if (!isKeyName(name)) throw malformed('not the signature of a note');
  const bytes = decodeBase64(encoded);
  if (bytes.length <= ID_BYTES) throw malformed('a signature of a note is too short');
  return { name, id: encodeHex(bytes.subarray(0, ID_BYTES)), signature: bytes.slice(ID_BYTES) };
}

async function isSignedBy(key: NoteKey, text: Bytes, signature: Bytes): Promise<boolean> {
  // guard: note-signature without: return true;
  return platform.verify(signingMethod('Ed25519'), await publicKeyOf(key), signature, text);
}

async function firstThat<Item>(
  items: readonly Item[],
  test: (item: Item) => Promise<boolean>,
): Promise<Item | undefined> {
  for (const item of items) if (await test(item)) return item;
  return undefined;
}

function publicBytesOf(jwk: PublicJwk): Bytes {
  if (jwk.kty !== 'OKP') throw new CryptoError('key_invalid', 'notes are signed with Ed25519');
  return decodeBase64url(jwk.x);
}

function idBytesOf({ id }: NoteKey): Bytes {
  return Uint8Array.from(id.match(/../g) ?? [], (hex) => Number.parseInt(hex, 16));
}

function tooLarge(): CryptoError {
  return new CryptoError('payload_too_large', `a note has at most ${NOTE_MAX_BYTES} bytes`);
}

function malformed(message: string): CryptoError {
  return new CryptoError('token_malformed', message);
}
