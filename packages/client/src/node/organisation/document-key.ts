import type { PublicJwk, RootDocument, Signer } from '@bulla/crypto';
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

/** How many keys of a role may lie in one folder: as many as a root may list. */
const KEYS_MAX = 16;

/** Where a key of a role lies: `root.key`, and `root.2.key` and so on where several people are to have one each. */
export function documentKeyName(folder: string, role: string, number: number): string {
  return `${folder}/${role}${number === 1 ? '' : `.${number}`}.key`;
}

/** Where a key lies that the next root lists: it takes the place of the other once that root counts. */
export function nextKeyName(folder: string, role: string): string {
  return `${folder}/${role}.next.key`;
}

/**
 * The keys of a role that lie in a folder, in order.
 * @param folder `org/<org>`.
 * @throws {HomeError} if a file is there and holds no such key
 */
export async function findDocumentSigners(home: Home, folder: string, role: string): Promise<DocumentSigner[]> {
  const names = Array.from({ length: KEYS_MAX }, (_, index) => documentKeyName(folder, role, index + 1));
  const found = await Promise.all([...names, nextKeyName(folder, role)].map((name) => findDocumentSigner(home, name)));
  return found.filter((signer) => signer !== undefined);
}

/**
 * Which keys speak for an organisation at first: of root and policy those of its owners, of the directory one.
 * @param threshold how many owners must sign; one unless given.
 */
export function firstRoles(
  signers: Readonly<Record<'root' | 'policy' | 'directory', readonly DocumentSigner[]>>,
  threshold = 1,
): Pick<RootDocument, 'keys' | 'roles'> {
  const kids = (of: readonly DocumentSigner[]) => of.map(({ kid }) => kid);
  const all = [...signers.root, ...signers.policy, ...signers.directory];
  return {
    keys: Object.fromEntries(all.map(({ kid, alg, publicJwk }) => [kid, { jwk: publicJwk, alg }])),
    roles: {
      root: { kids: kids(signers.root), threshold },
      policy: { kids: kids(signers.policy), threshold },
      directory: { kids: kids(signers.directory), threshold: 1 },
    },
  };
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
