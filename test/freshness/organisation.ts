import type { Identity, RenewerIdentity } from '@bulla/client';
import { renewerIdentityOf } from '@bulla/client';
import type { Trust } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { identityOf } from '../../packages/client/src/connection/identity.js';
import type { PromptRef } from '../../packages/client/src/labels/labels.js';
import type { TestVault } from '../../packages/client/test/vault.js';
import { draftOf, makeWorld } from '../../packages/client/test/world.js';

export const NAME = 'claims/triage';
export const LABELS = ['production', 'latest'] as const;
export type LabelName = (typeof LABELS)[number];
export const VERSIONS = 3;

export type SealedVersion = ReturnType<TestVault['named']>['versions'][number];

/** Somebody with a device. */
export interface Person {
  readonly name: string;
  readonly identity: Identity;
}

/** An organisation with one prompt, made once: every walk begins where it stands, and signs on from there by itself. */
export interface Setting {
  readonly organisation: TestOrganisation;
  /** What every walk begins with. */
  readonly trust: Trust;
  /** Of all directories up to the one of `trust`. */
  readonly hashes: readonly string[];
  readonly prompt: PromptRef;
  readonly versions: readonly SealedVersion[];
  /** Who may sign labels; the first wrote the versions, and is never revoked. */
  readonly signers: readonly Person[];
  readonly askers: readonly Person[];
  readonly renewers: readonly RenewerIdentity[];
  /** URN of the user that a device belongs to. */
  userOf(device: string): string;
}

export async function makeSetting(): Promise<Setting> {
  const world = await makeWorld({ renewers: 2 });
  try {
    const { organisation, vault } = world;
    const signer = { roles: ['author' as const], groups: ['grp:authors', 'grp:release'] };
    const third = await organisation.makeDevice('third', signer);
    const newcomer = await organisation.makeDevice('newcomer', { roles: ['invoker'], groups: ['grp:support'] });
    await organisation.publish((draft) => {
      for (const { urn, entity } of [third, newcomer]) draft.entities[urn] = entity;
    });
    const author = await world.client(organisation.owner);
    for (let version = 1; version <= VERSIONS; version++)
      await author.prompts.push(NAME, 'text', draftOf(`Version ${version} {{claim}}`));
    const { id, versions } = vault.named(NAME);
    const { trust } = organisation;
    return {
      organisation,
      trust,
      hashes: organisation.hashes.hashes,
      prompt: { id, name: NAME },
      versions,
      signers: await people({ owner: organisation.owner, author: organisation.author, third }),
      askers: await people({ asker: organisation.invoker, newcomer }),
      renewers: await Promise.all(organisation.renewers.map(({ keyFile }) => renewerIdentityOf(keyFile))),
      userOf: (device) => trust.userOf(device) ?? '',
    };
  } finally {
    await world.stop();
  }
}

function people(members: Readonly<Record<string, TestOrganisation['owner']>>): Promise<Person[]> {
  const each = Object.entries(members);
  return Promise.all(each.map(async ([name, { keyFile }]) => ({ name, identity: await identityOf(keyFile) })));
}
