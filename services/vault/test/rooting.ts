import { targetOf } from '@bulla/contract';
import type { DirectoryDocument, PolicyDocument } from '@bulla/crypto';
import { parsePolicy } from '@bulla/crypto';
import type { TestResponse } from '@bulla/service-kit/testing';
import { basedOn } from './authoring.js';
import type { TestVault } from './running-vault.js';

/** What a new root brings with it beside itself. */
interface UnderRoot {
  readonly policy?: (draft: PolicyDocument) => void;
  readonly directory?: (draft: DirectoryDocument) => void;
}

/** Sends the next root as the owner of acme, with a policy and a directory under it that differ as they are told. */
export async function publishRoot(vault: TestVault, under: UnderRoot): Promise<TestResponse> {
  const { acme, clock } = vault;
  const from = acme.trust.root.version;
  const { roots, policy } = await acme.signRoot(undefined, clock.now());
  const { payload } = await parsePolicy(policy);
  const draft = structuredClone<PolicyDocument>(payload);
  under.policy?.(draft);
  const signed = await acme.sign('policy', draft);
  const { hash } = await parsePolicy(signed);
  const directory = await acme.signDirectory((next) => {
    next.root_version = draft.root_version;
    next.policy = { version: draft.version, hash };
    under.directory?.(next);
  }, clock.now());
  const path = targetOf('root.publish', { org: 'acme', n: from + 1 });
  return vault.clientOf(acme.owner).put(path, { root: roots.at(-1), policy: signed, directory }, basedOn(from));
}
