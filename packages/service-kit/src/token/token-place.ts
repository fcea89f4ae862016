import { isAbsolute } from 'node:path';

/** Where a key of a token is (RFC 7512). */
export interface TokenPlace {
  readonly token: string;
  readonly object: string;
  /** The vendor's library. */
  readonly module: string;
  /** A file with the PIN of the user. */
  readonly pinFile: string;
}

/** What a key is for PKCS#11, in the words of RFC 7512. */
export type TokenKeyType = 'secret-key' | 'private';

/** A URI of a token that says too little, too much, or something that is a secret. */
export class TokenPlaceRefused extends Error {
  override readonly name = 'TokenPlaceRefused';
  /** Bad settings (docs/guide/configuration.md). */
  readonly exitCode = 78;
}

const EXPECTED = 'expected pkcs11:token=LABEL;object=LABEL?module-path=/PATH&pin-source=file:/PATH';
const PATH_ATTRIBUTES = new Set(['token', 'object', 'type']);
const QUERY_ATTRIBUTES = new Set(['module-path', 'pin-source']);

/**
 * Reads a `pkcs11:` URI.
 * @throws {TokenPlaceRefused}
 */
export function tokenPlace(uri: string, keyType: TokenKeyType): TokenPlace {
  const [path = '', query = '', ...more] = uri.replace(/^pkcs11:/, '').split('?');
  if (more.length > 0) refuse();
  const of = attributes(path, ';', PATH_ATTRIBUTES);
  const how = attributes(query, '&', QUERY_ATTRIBUTES);
  const [token = '', object = '', module = ''] = [of.get('token'), of.get('object'), how.get('module-path')];
  const pinFile = (how.get('pin-source') ?? '').replace(/^file:(?:\/\/)?/, '');
  if (token === '' || object === '' || (of.get('type') ?? keyType) !== keyType) refuse();
  if (!isAbsolute(module) || !isAbsolute(pinFile)) refuse();
  return { token, object, module, pinFile };
}

/** A URI that was read, with another label of a key. */
export function withObject(uri: string, object: string): string {
  return uri.replace(/([:;])object=[^;?]*/, (_all, before: string) => `${before}object=${encodeURIComponent(object)}`);
}

function attributes(text: string, separator: string, known: ReadonlySet<string>): Map<string, string> {
  const found = new Map<string, string>();
  for (const attribute of text.split(separator).filter((one) => one !== '')) {
    const [name = '', ...value] = attribute.split('=');
    // pin-value among them: a setting is no place for a secret.
    if (!known.has(name)) refuse(`${name} means nothing here`);
    if (found.has(name)) refuse(`${name} stands there twice`);
    found.set(name, decoded(value.join('=')));
  }
  return found;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return refuse();
  }
}

function refuse(why?: string): never {
  throw new TokenPlaceRefused(`${EXPECTED}${why === undefined ? '' : `; ${why}`}`);
}
