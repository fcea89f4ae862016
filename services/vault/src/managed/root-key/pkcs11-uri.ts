import { isAbsolute } from 'node:path';
import { RootKeyRefused } from './root-key-provider.js';

/** Where a key of a token is (RFC 7512). */
export interface TokenPlace {
  readonly token: string;
  readonly object: string;
  /** The vendor's library. */
  readonly module: string;
  /** A file with the PIN of the user. */
  readonly pinFile: string;
}

const EXPECTED = 'expected pkcs11:token=LABEL;object=LABEL?module-path=/PATH&pin-source=file:/PATH';
const PATH_ATTRIBUTES = new Set(['token', 'object', 'type']);
const QUERY_ATTRIBUTES = new Set(['module-path', 'pin-source']);

/**
 * Reads what stands behind `pkcs11:`.
 * @throws {RootKeyRefused}
 */
export function tokenPlace(text: string): TokenPlace {
  const [path = '', query = '', ...more] = text.split('?');
  if (more.length > 0) refuse();
  const of = attributes(path, ';', PATH_ATTRIBUTES);
  const how = attributes(query, '&', QUERY_ATTRIBUTES);
  const [token = '', object = '', module = ''] = [of.get('token'), of.get('object'), how.get('module-path')];
  const pinFile = (how.get('pin-source') ?? '').replace(/^file:(?:\/\/)?/, '');
  if (token === '' || object === '' || (of.get('type') ?? 'secret-key') !== 'secret-key') refuse();
  if (!isAbsolute(module) || !isAbsolute(pinFile)) refuse();
  return { token, object, module, pinFile };
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
  throw new RootKeyRefused(`BULLA_ROOT_KEY: ${EXPECTED}${why === undefined ? '' : `; ${why}`}`);
}
