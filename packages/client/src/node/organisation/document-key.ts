import type { PublicJwk, Signer } from '@bulla/crypto';
import { generateKeyPair, loadSigner, privateJwkSchema, publicJwkOf } from '@bulla/crypto';
import type { Home } from '../home/home.js';
import { HomeError } from '../home/home.js';

/** A key that signs one kind of document. */
export type DocumentSigner = Signer & { readonly publicJwk: PublicJwk };

/**
 * The Ed25519 key that signs one kind of document, made when it is not there.
 * @throws {HomeError} if the file is there and holds no such key
 */
export async function documentSigner(home: Home, name: string): Promise<DocumentSigner> {
  const found = await findDocumentSigner(home, name);
  if (found !== undefined) return found;
  const text = `${JSON.stringify((await generateKeyPair('ed25519', 'sig')).privateJwk)}\n`;
  await home.write(name, text);
  return load(home, name, text);
}

/**
 * The same, or undefined when it is not there.
 * @throws {HomeError} if the file is there and holds no such key
 */
export async function findDocumentSigner(home: Home, name: string): Promise<DocumentSigner | undefined> {
  const text = await home.readSecret(name);
  return text === undefined ? undefined : load(home, name, text);
}

async function load(home: Home, name: string, text: string): Promise<DocumentSigner> {
  try {
    const jwk = privateJwkSchema.parse(JSON.parse(text));
    return { ...(await loadSigner(jwk, 'Ed25519')), publicJwk: publicJwkOf(jwk) };
  } catch {
    // No cause: the messages of parsers quote the text, which is a key.
    throw new HomeError(`${home.path(name)} is not an Ed25519 key; restore it from a backup`);
  }
}
