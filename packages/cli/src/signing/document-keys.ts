import type { RootRole } from '@bulla/client';
import { ROOT_ROLES } from '@bulla/client';
import { findDocumentSigners } from '@bulla/client/node';
import type { DocumentKey, Signer } from '@bulla/crypto';
import { loadSigner } from '@bulla/crypto';
import type { Context } from '../context.js';
import { readKeys, readPrivateKeyFile } from '../input/key-files.js';
import { UsageError } from '../input/usage-error.js';

/** Keys of documents: those that lie in the home folder, and files of people who keep theirs elsewhere. */

/**
 * The keys that sign here: of the files that are named, else all of the home folder.
 * @param files PEM, DER or JWK, as `bulla keys generate NAME --suite ed25519` makes them.
 */
export async function documentSigners(context: Context, org: string, files: readonly string[]): Promise<Signer[]> {
  if (files.length === 0) {
    const found = await Promise.all(ROOT_ROLES.map((role) => findDocumentSigners(context.home, `org/${org}`, role)));
    return [...new Map(found.flat().map((signer) => [signer.kid, signer])).values()];
  }
  const signers: Signer[] = [];
  for (const file of files)
    for (const { privateJwk, suite, use } of await readPrivateKeyFile(context, file)) {
      const alg = DOCUMENT_ALGS[suite];
      if (use === 'enc') continue;
      if (alg === undefined) throw new UsageError(`${file}: a key of suite ${suite} signs no documents`, MAKE_ONE);
      signers.push(await loadSigner(privateJwk, alg));
    }
  return signers;
}

/** The public half of a key of documents, as somebody else gave it. */
export async function documentKeyOf(
  context: Context,
  file: string,
): Promise<{ readonly kid: string; readonly key: DocumentKey }> {
  const signing = (await readKeys(context, file)).filter(({ use }) => use !== 'enc');
  const [only, ...others] = signing;
  const alg = only === undefined ? undefined : DOCUMENT_ALGS[only.suite];
  if (only === undefined || others.length > 0)
    throw new UsageError(`${file} holds ${signing.length} signing keys: one is expected`);
  if (alg === undefined) throw new UsageError(`${file}: a key of suite ${only.suite} signs no documents`, MAKE_ONE);
  return { kid: only.kid, key: { jwk: only.publicJwk, alg } };
}

/** @throws {UsageError} */
export function requireRole(text: string, option: string): RootRole {
  const role = ROOT_ROLES.find((one) => one === text);
  if (role === undefined) throw new UsageError(`${option}: expected root, policy or directory, not ${text}`);
  return role;
}

const MAKE_ONE = 'make one with: bulla keys generate NAME --suite ed25519';
const DOCUMENT_ALGS: Readonly<Record<string, DocumentKey['alg'] | undefined>> = {
  ed25519: 'Ed25519',
  rsa3072: 'PS256',
};
