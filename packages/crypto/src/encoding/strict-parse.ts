import type { Bytes } from './bytes.js';
import { decodeUtf8, utf8 } from './bytes.js';
import { CryptoError } from '../names/errors.js';

export interface ParseLimits {
  /** Largest accepted input in bytes. */
  readonly maxBytes: number;
  /** Most values, each member and element being one: what is made of millions takes seconds. No limit unless given. */
  readonly maxValues?: number;
  /** Deepest nesting; {@link DEPTH_MAX} unless given. */
  readonly maxDepth?: number;
  /** Names of members that are refused; those that reach prototypes unless given. */
  readonly forbidden?: ReadonlySet<string>;
}

const DEPTH_MAX = 16;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * JSON of a token or signed document: one value has one spelling. Refused are duplicate members,
 * white space, odd escapes, numbers that are not written as ECMAScript writes them, ill-formed
 * strings, depth over 16 and names that reach prototypes (protocol.md §2.1).
 * @returns the value; its shape is still to be checked by a strict schema.
 * @throws {CryptoError} payload_too_large, token_malformed
 */
export function strictParse(bytes: Uint8Array, limits: ParseLimits): unknown {
  const json = textOf(bytes, limits);
  scan(json, limits);
  const value = parse(json);
  // Bytes that JSON.stringify would not write are another spelling: the comparison finds them all at once.
  // guard: parse-canonical
  if (JSON.stringify(value) !== json) throw malformed('JSON is not in canonical form');
  checkMembers(value, limits);
  return value;
}

/**
 * The bytes of a value, which {@link strictParse} reads. They have the one spelling, as nothing else is written here.
 * @param value has passed a strict schema.
 * @throws {CryptoError} payload_too_large, token_malformed, as strictParse of the bytes
 */
export function strictStringify(value: unknown, limits: Pick<ParseLimits, 'maxBytes'>): Bytes {
  const bytes = utf8(JSON.stringify(value));
  requireSize(bytes, limits);
  requireDepth(value);
  checkMembers(value, {});
  return bytes;
}

/**
 * JSON of an HTTP body: spacing, escapes and number spelling are free so that any client works;
 * duplicate members and everything else that {@link strictParse} refuses are not.
 * @throws {CryptoError} payload_too_large, token_malformed
 */
export function strictParseBody(bytes: Uint8Array, limits: ParseLimits): unknown {
  const json = textOf(bytes, limits);
  const colons = scan(json, limits);
  const value = parse(json);
  // JSON.parse keeps the last of two equal names, so the text then has more colons than the value has members.
  // guard: body-duplicates without: checkMembers(value, limits);
  if (checkMembers(value, limits) !== colons) throw malformed('JSON has duplicate members');
  return value;
}

function textOf(bytes: Uint8Array, limits: ParseLimits): string {
  requireSize(bytes, limits);
  return decodeUtf8(bytes);
}

function requireSize({ length }: Uint8Array, { maxBytes }: Pick<ParseLimits, 'maxBytes'>): void {
  // guard: parse-size
  if (length > maxBytes) throw new CryptoError('payload_too_large', `more than ${maxBytes} bytes`);
}

/** Of a value that is written, as {@link scan} counts it in one that is read. */
function requireDepth(value: unknown, left: number = DEPTH_MAX): void {
  if (typeof value !== 'object' || value === null) return;
  // guard: written-depth
  if (left === 0) throw malformed(`JSON is nested deeper than ${DEPTH_MAX}`);
  for (const member of Object.values(value)) requireDepth(member, left - 1);
}

/** One pass before any parser: depth and number of values. @returns how many colons there are outside of strings */
function scan(json: string, { maxValues = Infinity, maxDepth = DEPTH_MAX }: ParseLimits): number {
  let depth = 0;
  let colons = 0;
  let values = 0;
  for (let at = 0; at < json.length; at++) {
    const character = json.charCodeAt(at);
    if (character === QUOTE) at = endOfString(json, at);
    else if (character === 0x3a) colons++;
    else if (character === 0x2c) values++;
    else if (character === 0x7b || character === 0x5b) {
      values++;
      // guard: parse-depth without: if (++depth > 1e9)
      if (++depth > maxDepth) throw malformed(`JSON is nested deeper than ${maxDepth}`);
    } else if (character === 0x7d || character === 0x5d) depth--;
    // guard: body-values
    if (values > maxValues) throw malformed(`JSON has more than ${maxValues} values`);
  }
  return colons;
}

/**
 * Where a string ends that begins at a quote: tokens are long, and the engine finds the next quote ninety times as fast
 * as a loop. A quote is escaped by an odd number of backslashes before it. The end of the text where nothing ends it.
 */
function endOfString(json: string, start: number): number {
  for (let from = start + 1; ; ) {
    const quote = json.indexOf('"', from);
    if (quote === -1) return json.length;
    let first = quote;
    while (json.charCodeAt(first - 1) === BACKSLASH) first--;
    if ((quote - first) % 2 === 0) return quote;
    from = quote + 1;
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // The engine's message quotes the input, so it is not passed on.
    throw malformed('not valid JSON');
  }
}

/** Checks every string, number and name; returns how many members all objects have together. */
function checkMembers(value: unknown, limits: Pick<ParseLimits, 'forbidden'>): number {
  if (typeof value === 'string') return checkString(value);
  if (typeof value === 'number') return checkNumber(value);
  if (typeof value !== 'object' || value === null) return 0;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + checkMembers(item, limits), 0);
  const { forbidden = FORBIDDEN_NAMES } = limits;
  let members = 0;
  for (const name of Object.keys(value)) {
    // guard: parse-names
    if (forbidden.has(name)) throw malformed('JSON has a forbidden member name');
    checkString(name);
    members += 1 + checkMembers((value as Readonly<Record<string, unknown>>)[name], limits);
  }
  return members;
}

function checkString(text: string): 0 {
  // guard: parse-strings
  if (!text.isWellFormed() || text.includes('\u0000')) throw malformed('JSON has an ill-formed string');
  return 0;
}

function checkNumber(value: number): 0 {
  // 1e400 parses to Infinity; integers beyond 2^53 change silently. Fractions are left to the schema.
  // guard: parse-numbers
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
    throw malformed('JSON has a number out of range');
  }
  return 0;
}

function malformed(message: string): CryptoError {
  return new CryptoError('token_malformed', message);
}
