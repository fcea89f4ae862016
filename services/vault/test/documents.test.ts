import { SignedDocument } from '@bulla/contract';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { basedOn, must } from './authoring.js';
import type { TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

let vault: TestVault;
beforeAll(async () => {
  vault = await startVault();
});
afterAll(() => vault.stop());

const NAMES = ['root/1', 'policy', 'directory'] as const;
const get = async (name: string) => {
  const response = await vault.get(`/.well-known/bulla/acme/${name}.json`);
  return [response.status, response.text] as const;
};
const stored = (name: (typeof NAMES)[number]) => {
  const { roots, policy, directory } = vault.acme.documents;
  return { 'root/1': roots[0], policy, directory }[name];
};

describe('[red] a document that anybody may read', () => {
  // Each time it was read and checked and written anew: of a directory of 4 MiB a twentieth of a second of everybody's.
  it.each(NAMES)('is made ready once, and served byte for byte: %s', async (name) => {
    expect(await get(name)).toEqual([200, stored(name)]);
    const check = jest.spyOn(SignedDocument, 'parse');
    const read = jest.spyOn(JSON, 'parse');
    const answers = [await get(name), await get(name), await get(name)];
    const checks = check.mock.calls.length;
    const reads = read.mock.calls.filter(([text]) => text === stored(name)).length;
    check.mockRestore();
    read.mockRestore();
    expect(answers).toEqual(Array.from(answers, () => [200, stored(name)]));
    // The client of the test reads what it is given.
    expect([checks, reads]).toEqual([0, 3]);
  });

  it('is another one as soon as another is published', async () => {
    const { acme } = vault;
    const before = stored('directory');
    const from = acme.trust.directory.version;
    await acme.publish();
    const { directory } = acme.documents;
    must(
      200,
      await vault.clientOf(acme.owner).put('/api/v1/organisations/acme/directory', { directory }, basedOn(from)),
    );
    expect(directory).not.toBe(before);
    expect(await get('directory')).toEqual([200, directory]);
  });
});
