import type { Signer } from '@bulla/crypto';
import { encodeBase64url, utf8 } from '@bulla/crypto';
import { CompactEncrypt, importJWK } from 'jose';
import type { JWK } from 'jose';

/** A token that no code of ours would make: any header, any payload, rightly signed. */
export async function rawJws(header: object | string, payload: object | string, signer: Signer): Promise<string> {
  const input = [header, payload].map((part) => encodeBase64url(utf8(textOf(part)))).join('.');
  return `${input}.${encodeBase64url(await signer.sign(utf8(input)))}`;
}

/** The protected header of a token of ours. */
export function headerFor(typ: string, signer: Signer): { alg: string; typ: string; kid: string } {
  return { alg: signer.alg, typ, kid: signer.kid };
}

/** A sealed token that no code of ours would make: any header, any plaintext, rightly encrypted. */
export async function rawJwe(
  header: { readonly alg: string; readonly enc: string },
  plaintext: Uint8Array,
  key: Uint8Array | JWK,
): Promise<string> {
  const imported = key instanceof Uint8Array ? key : await importJWK(key, header.alg);
  return new CompactEncrypt(plaintext).setProtectedHeader({ ...header }).encrypt(imported);
}

/** The token with one part replaced: 0 is the header. */
export function withPart(token: string, index: number, part: object | string | Uint8Array): string {
  const parts = token.split('.');
  parts[index] = encodeBase64url(part instanceof Uint8Array ? part : utf8(textOf(part)));
  return parts.join('.');
}

/** Every token that differs in one character, by the lowest and by a high bit of its value; dots stay. */
export function* flipped(token: string): Generator<string> {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  for (let at = 0; at < token.length; at++) {
    const value = alphabet.indexOf(token[at] ?? '');
    if (value < 0) continue;
    for (const bit of [1, 32]) yield token.slice(0, at) + (alphabet[value ^ bit] ?? '') + token.slice(at + 1);
  }
}

function textOf(part: object | string): string {
  return typeof part === 'string' ? part : JSON.stringify(part);
}
