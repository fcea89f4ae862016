import type { TestOrganisation } from '@bulla/crypto/testing';
import type { SendOptions, TestResponse } from '@bulla/service-kit/testing';
import type { PromptRef, TagWish } from './authoring.js';
import { must, posOf } from './authoring.js';
import type { TestVault } from './running-vault.js';

// What renewers do on their own machines, and bring.

export type TestRenewer = TestOrganisation['renewers'][number];

/** One of an organisation's renewers. */
export function renewerOf({ renewers, org }: TestOrganisation, index = 0): TestRenewer {
  const renewer = renewers[index];
  if (renewer === undefined) throw new Error(`${org} has no renewer ${index}`);
  return renewer;
}

export function bringDirectoryWord(
  vault: TestVault,
  { org }: TestOrganisation,
  fresh: string,
  renewer: Pick<TestRenewer, 'keyid' | 'signer'>,
): Promise<TestResponse> {
  return vault.clientOf(renewer).post(`/api/v1/organisations/${org}/freshness`, { fresh });
}

/** Has a renewer say that the newest directory is the newest; returns its word. */
export async function freshenDirectory(
  vault: TestVault,
  organisation: TestOrganisation,
  renewer = renewerOf(organisation),
): Promise<string> {
  const fresh = await organisation.freshDirectory(vault.clock.now(), renewer);
  must(200, await bringDirectoryWord(vault, organisation, fresh, renewer));
  return fresh;
}

/** A renewer's word for the position that a wish is for. */
export async function wordFor(
  organisation: TestOrganisation,
  prompt: PromptRef,
  wish: TagWish,
  at: number,
  renewer = renewerOf(organisation),
): Promise<string> {
  const { tag: label, seq } = wish;
  const pos = await posOf(organisation, prompt, wish);
  return organisation.freshPosition({ name: prompt.name, label, seq, pos }, at, renewer);
}

export function bringWords(
  vault: TestVault,
  fresh: readonly string[],
  renewer: Pick<TestRenewer, 'keyid' | 'signer'>,
  options: SendOptions = {},
): Promise<TestResponse> {
  return vault.clientOf(renewer).post('/api/v1/labels/freshness', { fresh }, options);
}
