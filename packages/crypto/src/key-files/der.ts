import type { Bytes } from '../encoding/bytes.js';
import { concatBytes, encodeHex } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';

/** As much of DER (ITU-T X.690) as files of keys have: definite lengths in their one spelling, tags of one byte. */

export const TAG = { integer: 0x02, bits: 0x03, octets: 0x04, nothing: 0x05, oid: 0x06, sequence: 0x30 } as const;

/** One value: its tag, and what it contains. */
export interface DerValue {
  readonly tag: number;
  readonly content: Bytes;
}

const LENGTH_BYTES_MAX = 4;

/**
 * Reads bytes that are exactly one value.
 * @throws {CryptoError} key_invalid
 */
export function readDer(bytes: Bytes): DerValue {
  const [value, ...others] = readAll(bytes);
  if (
    value === undefined ||
    others.length > 0 // guard: der-trailing
  )
    throw malformed();
  return value;
}

/**
 * The values that a sequence holds.
 * @throws {CryptoError} key_invalid if it is not a sequence
 */
export function readSequence(value: DerValue | undefined): readonly DerValue[] {
  return readAll(contentOf(value, TAG.sequence));
}

/**
 * What a value of this tag contains.
 * @throws {CryptoError} key_invalid if it is another
 */
export function contentOf(value: DerValue | undefined, tag: number): Bytes {
  if (value?.tag !== tag) throw malformed();
  return value.content;
}

/** An object identifier as the hexadecimal digits of its content; undefined for another value. */
export function oidOf(value: DerValue | undefined): string | undefined {
  return value?.tag === TAG.oid ? encodeHex(value.content) : undefined;
}

/**
 * A positive integer, big-endian without leading zeros.
 * @throws {CryptoError} key_invalid if it is negative, zero or written with more bytes than it needs
 */
export function readPositive(value: DerValue | undefined): Bytes {
  const content = contentOf(value, TAG.integer);
  const [first = 0, second = 0] = content;
  if (first === 0 && second >= 0x80) return content.slice(1);
  if (first === 0 || first >= 0x80) throw malformed();
  return content;
}

/**
 * A bit string of whole bytes.
 * @throws {CryptoError} key_invalid
 */
export function readBits(value: DerValue | undefined): Bytes {
  const content = contentOf(value, TAG.bits);
  if (content[0] !== 0) throw malformed();
  return content.slice(1);
}

/** The bytes of a value. */
export function writeDer(tag: number, ...content: readonly Uint8Array[]): Bytes {
  const all = concatBytes(...content);
  return concatBytes(Uint8Array.of(tag), lengthOf(all.length), all);
}

/** The bytes of a positive integer. */
export function writeInteger(value: number): Bytes {
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  if ((bytes[0] ?? 0x80) >= 0x80) bytes.unshift(0);
  return writeDer(TAG.integer, Uint8Array.from(bytes));
}

/** The bytes of an object identifier that is given as hexadecimal digits of its content. */
export function writeOid(hex: string): Bytes {
  return writeDer(
    TAG.oid,
    Uint8Array.from(hex.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16)),
  );
}

function readAll(bytes: Bytes): DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] ?? 0;
    if ((tag & 0x1f) === 0x1f) throw malformed();
    const { length, start } = readLength(bytes, at + 1);
    if (start + length > bytes.length) throw malformed();
    values.push({ tag, content: bytes.slice(start, start + length) });
    at = start + length;
  }
  return values;
}

function readLength(bytes: Bytes, at: number): { length: number; start: number } {
  const first = bytes[at] ?? 0x80;
  if (first < 0x80) return { length: first, start: at + 1 };
  const count = first & 0x7f;
  const digits = bytes.subarray(at + 1, at + 1 + count);
  if (count === 0 || count > LENGTH_BYTES_MAX || digits.length !== count) throw malformed();
  const length = digits.reduce((sum, digit) => sum * 256 + digit, 0);
  // One length has one spelling.
  if (length < 0x80 || digits[0] === 0) throw malformed();
  return { length, start: at + 1 + count };
}

function lengthOf(length: number): Bytes {
  if (length < 0x80) return Uint8Array.of(length);
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Uint8Array.of(0x80 | digits.length, ...digits);
}

function malformed(): CryptoError {
  return new CryptoError('key_invalid', 'not a valid key: its DER is not in order');
}
