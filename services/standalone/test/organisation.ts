import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeOrganisation } from '@bulla/crypto/testing';
import { setUpMarkFolder } from '@bulla/service-kit/testing';
import type { Addresses, ServedOrganisation } from '../src/index.js';

const BOOTSTRAP_SECRET = 'a-secret-of-this-test-0123456789';

/** An organisation whose key files lie in a folder of a home, with its folders of marks, and how it gets into a vault. */
export async function organisationIn(
  folder: string,
): Promise<{ served: ServedOrganisation; publish: (addresses: Addresses) => Promise<void> }> {
  const organisation = await makeOrganisation({ org: 'dev', suite: 'p256' });
  await mkdir(folder, { recursive: true });
  const files = { vault: join(folder, 'vault.json'), responder: join(folder, 'responder.json') };
  await writeFile(files.vault, JSON.stringify(organisation.vault.keyFile), { mode: 0o600 });
  await writeFile(files.responder, JSON.stringify(organisation.responders[0].keyFile), { mode: 0o600 });
  setUpMarkFolder(join(dirname(folder), 'audit/vault'), organisation.vault.keyFile);
  setUpMarkFolder(join(dirname(folder), 'audit/responder'), organisation.responders[0].keyFile);
  const served = {
    org: 'dev',
    pin: organisation.pin,
    bootstrapSecret: BOOTSTRAP_SECRET,
    vaultKeysFile: files.vault,
    responderKeysFile: files.responder,
  };
  const { roots, policy, directory } = organisation.documents;
  async function publish({ vaultUrl }: Addresses): Promise<void> {
    const response = await fetch(`${vaultUrl}/api/v1/organisations/dev`, {
      method: 'PUT',
      headers: {
        'content-type': 'application/json',
        authorization: `Bootstrap ${BOOTSTRAP_SECRET}`,
        'idempotency-key': 'create-organisation-dev',
      },
      body: JSON.stringify({ root: roots[0], policy, directory }),
    });
    if (!response.ok) throw new Error(`the vault answered ${response.status}: ${await response.text()}`);
  }
  return { served, publish };
}
