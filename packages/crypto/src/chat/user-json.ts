import * as z from '#zod';
import { utf8 } from '../encoding/bytes.js';
import { strictParseBody } from '../encoding/strict-parse.js';
import { CryptoError } from '../names/errors.js';
import { USER_JSON_CHARACTERS_MAX, USER_JSON_DEPTH_MAX } from '../names/chat.js';

const LIMITS = {
  // A UTF-16 code unit has at most three bytes.
  maxBytes: 3 * USER_JSON_CHARACTERS_MAX,
  maxValues: 32_768,
  maxDepth: USER_JSON_DEPTH_MAX,
  // A tool for motor races may well have a parameter that is called constructor.
  forbidden: new Set(['__proto__']),
};

/**
 * A JSON object that somebody else wrote: the schema of a tool or of an answer. In tokens it is text, since its members
 * have any name and any depth up to {@link USER_JSON_DEPTH_MAX} (protocol.md §2.1).
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseUserJson(text: string): Readonly<Record<string, unknown>> {
  const value = strictParseBody(utf8(text), LIMITS);
  // guard: user-json-object without: return value as Record<string, unknown>;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new CryptoError('token_malformed', 'the schema is not a JSON object');
}

/** The text of such an object, as a token holds it. */
// guard: user-json without: export const userJsonSchema = z.string();
export const userJsonSchema = z.string().check(z.maxLength(USER_JSON_CHARACTERS_MAX), z.refine(isUserJson));

function isUserJson(text: string): boolean {
  try {
    parseUserJson(text);
    return true;
  } catch {
    return false;
  }
}
