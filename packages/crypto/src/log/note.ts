import { platform } from '#platform';
import { decodeBase64, encodeBase64 } from '../encoding/base64.js';
import type { Bytes } from '../encoding/bytes.js';
import { concatBytes, decodeUtf8, utf8 } from '../encoding/bytes.js';
import { keyThumbprint, publicKeyOf } from '../keys/keys.js';
import type { Signer } from '../keys/signer.js';
import { signingMethod } from '../keys/suites.js';
import { CryptoError } from '../names/errors.js';
import type { NoteKey, WitnessKey } from './note-key.js';
import { hasControl, idBytesOf, isKeyName, splitId } from './note-key.js';

/** Largest note with its signatures, in bytes. */
export const NOTE_MAX_BYTES = 262_144;
/** Most signatures of a note; C2SP signed-note wants at least 16. */
export const NOTE_SIGNATURES_MAX = 64;
const SIGNATURE_LINE = /^\u2014 ([^ ]+) ([A-Za-z0-9+/]+={0,2})$/u;

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
  if (!text.endsWith('\n') || !text.isWellFormed() || hasControl(text)) throw malformed('not the text of a note');
  if (signers.length === 0) throw malformed('a note has a signature');
  if (signers.length > NOTE_SIGNATURES_MAX) throw tooLarge();
  const bytes = utf8(text);
  let note = `${text}\n`;
  for (const { key, signer } of signers) note += signatureLine(key, await signAsHolder(key, signer, bytes));
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
  if (hasControl(whole)) throw malformed('a note has a control character');
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
  const parsed = parseNote(note);
  const bytes = utf8(parsed.text);
  const signed = await matchSignatures(parsed, known, async (key, signature) =>
    (await isSignedBy(key, bytes, signature)) ? key : undefined,
  );
  // guard: note-unknown
  if (signed.length === 0) throw new CryptoError('key_unknown', 'no known key signed the note');
  return { text: parsed.text, keys: known.filter((key) => signed.includes(key)) };
}

/**
 * What the signatures of known keys say, in the order of the note; those of others count for nothing.
 * @param read what a signature says if this key made it, else undefined.
 * @throws {CryptoError} signature_invalid if a signature said to be of a known key is not
 */
export async function matchSignatures<Key extends NoteKey | WitnessKey, Said>(
  { signatures }: ParsedNote,
  known: readonly Key[],
  read: (key: Key, signature: Bytes) => Promise<Said | undefined>,
): Promise<Said[]> {
  const all: Said[] = [];
  for (const { name, id, signature } of signatures) {
    // Ids are short: two keys may share name and id, and then a signature has to be of one of them.
    const candidates = known.filter((key) => key.name === name && key.id === id);
    const said = await firstOf(candidates, async (key) => read(key, signature));
    if (said !== undefined) all.push(said);
    // guard: note-known-bad
    else if (candidates.length > 0) throw new CryptoError('signature_invalid', 'a signature of the note is not good');
  }
  return all;
}

/** The line that a signature stands in. */
export function signatureLine(key: NoteKey | WitnessKey, signature: Uint8Array): string {
  return `\u2014 ${key.name} ${encodeBase64(concatBytes(idBytesOf(key), signature))}\n`;
}

/** @throws {CryptoError} key_invalid if the signer does not hold the private half of the key */
export async function signAsHolder(key: NoteKey | WitnessKey, signer: Signer, bytes: Bytes): Promise<Bytes> {
  // guard: note-signer
  if (signer.alg !== key.alg || signer.kid !== (await keyThumbprint(key.jwk)))
    throw new CryptoError('key_invalid', 'the signer is not the holder of the note key');
  return signer.sign(bytes);
}

/** Whether a key made this signature over these bytes. */
export async function isSignedBy(key: NoteKey | WitnessKey, bytes: Bytes, signature: Bytes): Promise<boolean> {
  // guard: note-signature without: return true;
  return platform.verify(signingMethod('Ed25519'), await publicKeyOf(key), signature, bytes);
}

function parseSignatureLine(line: string): NoteSignature {
  const [, name = '', encoded = ''] = SIGNATURE_LINE.exec(line) ?? [];
  // guard: note-name
  if (!isKeyName(name)) throw malformed('not the signature of a note');
  return { name, ...splitId(decodeBase64(encoded)) };
}

async function firstOf<Item, Found>(
  items: readonly Item[],
  find: (item: Item) => Promise<Found | undefined>,
): Promise<Found | undefined> {
  for (const item of items) {
    const found = await find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function tooLarge(): CryptoError {
  return new CryptoError('payload_too_large', `a note has at most ${NOTE_MAX_BYTES} bytes`);
}

function malformed(message: string): CryptoError {
  return new CryptoError('token_malformed', message);
}
