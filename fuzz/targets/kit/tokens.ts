import { deepEqual, equal } from 'node:assert/strict';
import { linesOf } from './input.js';

/** A fuzzer that had to invent base64url would never reach the JSON below it, so tokens are put together from their parts. */

const encode = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');

/** A compact JWS: header, payload and signature, one on each line. */
export function jwsOf(input: Uint8Array): string {
  const [header = [], payload = [], signature = []] = linesOf(input, 3);
  return [header, payload, signature].map((part) => encode(Uint8Array.from(part))).join('.');
}

/**
 * A compact JWE: the header on the first line, then the encrypted key and the ciphertext. IV and tag have the length
 * they need; nothing is opened.
 */
export function jweOf(input: Uint8Array): string {
  const [header = new Uint8Array(), encryptedKey = new Uint8Array(), ciphertext = new Uint8Array()] = linesOf(input, 3);
  const parts = [header, encryptedKey, new Uint8Array(12), ciphertext, new Uint8Array(16)];
  return parts.map(encode).join('.');
}

/** A document: the payload on the first line, then a signature header on each. */
export function documentOf(input: Uint8Array): string {
  const [payload = new Uint8Array(), ...headers] = linesOf(input, 40);
  const signatures = headers.map((header) => ({ protected: encode(header), signature: encode(new Uint8Array(64)) }));
  return JSON.stringify({ payload: encode(payload), signatures });
}

/** Every part of an accepted token is spelled as encoding it again spells it. */
export function requireOneSpelling(token: string): void {
  for (const part of token.split('.')) equal(encode(Buffer.from(part, 'base64url')), part);
}

/** Accepted JSON is what JSON.parse makes of it, and is spelled as JSON.stringify spells it. */
export function requireSameJson(encoded: string, value: unknown): void {
  const text = Buffer.from(encoded, 'base64url').toString('utf8');
  const parsed: unknown = JSON.parse(text);
  equal(JSON.stringify(parsed), text);
  deepEqual(JSON.parse(JSON.stringify(value)), parsed);
}

/** What is true of every JWS that its parser accepted. */
export function requireJws(
  token: string,
  parsed: { readonly token: string; readonly header: unknown; readonly claims: unknown },
): void {
  const [header = '', payload = ''] = token.split('.');
  equal(parsed.token, token);
  requireOneSpelling(token);
  requireSameJson(header, parsed.header);
  requireSameJson(payload, parsed.claims);
}

/** What is true of every JWE that its parser accepted. */
export function requireJwe(
  token: string,
  parsed: {
    readonly token: string;
    readonly header: unknown;
    readonly parts: { readonly encryptedKey: Uint8Array; readonly iv: Uint8Array; readonly ciphertext: Uint8Array };
  },
): void {
  const { encryptedKey, iv, ciphertext } = parsed.parts;
  equal(parsed.token, token);
  requireOneSpelling(token);
  requireSameJson(token.split('.')[0] ?? '', parsed.header);
  deepEqual([encryptedKey, iv, ciphertext].map(encode), token.split('.').slice(1, 4));
}
