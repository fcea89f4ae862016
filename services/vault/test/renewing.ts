import type { DirectoryDocument, KeyRecord, SuiteId } from '@bulla/crypto';
import { generateKeyPair } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import type { TestResponse } from '@bulla/service-kit/testing';
import { basedOn, must } from './authoring.js';
import type { TestVault } from './running-vault.js';

// A responder that gets a new encryption key beside the one that it has.

/** The directory's record of a new encryption key that is younger than those that are listed. */
export async function newEncryptionKey({ now }: TestOrganisation, of: SuiteId = 'p256'): Promise<KeyRecord> {
  const { kid, alg, suite, publicJwk: jwk } = await generateKeyPair(of, 'enc');
  const times = { nbf: now - 60, use_until: now + 90 * 86_400, end: now + 120 * 86_400 };
  return { kid, use: 'enc', alg, suite, pur: ['unwrap'], ...times, jwk };
}

/** The keys of an entity, to be changed. */
export function keysOf(draft: DirectoryDocument, urn: string): KeyRecord[] {
  const entity = draft.entities[urn];
  if (entity === undefined) throw new Error(`${urn} is not listed`);
  return entity.keys;
}

/** Lists a key, and has the organisation and the vault go on from there. */
export async function list(vault: TestVault, of: TestOrganisation, urn: string, record: KeyRecord): Promise<void> {
  must(200, await publishNext(vault, of, (draft) => void keysOf(draft, urn).unshift(record), true));
}

/** Ends some keys: they only open from then on. */
export function endKeys(of: TestOrganisation, urn: string, kids: readonly (string | undefined)[]) {
  return (draft: DirectoryDocument) => {
    for (const key of keysOf(draft, urn)) if (kids.includes(key.kid)) key.use_until = of.now - 1;
  };
}

/** Sends the next directory as the owner. */
export async function publishNext(
  vault: TestVault,
  of: TestOrganisation,
  change: (draft: DirectoryDocument) => void,
  adopt = false,
): Promise<TestResponse> {
  const from = of.trust.directory.version;
  if (adopt) await of.publish(change);
  const directory = adopt ? of.documents.directory : await of.signDirectory(change);
  return vault.clientOf(of.owner).put(`/api/v1/organisations/${of.org}/directory`, { directory }, basedOn(from));
}
