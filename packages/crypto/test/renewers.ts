import type { DirectoryFreshClaims, LabelFreshClaims, Signer } from '@bulla/crypto';
import { signDirectoryFreshness, signLabelFreshness } from '@bulla/crypto';
import type { OrganisationOptions, TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { DAY, NAME, NOW } from './tags.js';

type TestRenewer = TestOrganisation['renewers'][number];

/** A position of `latest` that renewers speak of. */
export const PLACE = { name: NAME, label: 'latest', seq: 7, pos: 'S'.repeat(42).concat('A') } as const;

/** A renewer's word for the place, with changes. */
export function labelWord(
  { urn, fresh }: Pick<TestRenewer, 'urn' | 'fresh'>,
  dir: LabelFreshClaims['dir'],
  changes: Partial<LabelFreshClaims> = {},
  signer: Signer = fresh,
): Promise<string> {
  const { name, label: tag, seq, pos } = PLACE;
  const place = { name, tag, seq, pos, purpose: 'tag.fresh' as const };
  return signLabelFreshness({ ...word(urn, dir), ...place, ...changes }, signer);
}

/** A renewer's word for a directory, with changes. */
export function directoryWord(
  { urn, fresh }: Pick<TestRenewer, 'urn' | 'fresh'>,
  dir: DirectoryFreshClaims['dir'],
  changes: Partial<DirectoryFreshClaims> = {},
  signer: Signer = fresh,
): Promise<string> {
  return signDirectoryFreshness({ ...word(urn, dir), purpose: 'directory.fresh', ...changes }, signer);
}

const word = (iss: string, dir: LabelFreshClaims['dir']) => ({
  iss,
  aud: 'urn:bulla:acme',
  dir,
  iat: NOW,
  exp: NOW + 7 * DAY,
});

/** An organisation with two renewers, and another one. */
export async function makeRenewed(options: Pick<OrganisationOptions, 'policy'> = {}): Promise<{
  acme: TestOrganisation;
  globex: TestOrganisation;
  first: TestRenewer;
  second: TestRenewer;
}> {
  const acme = await makeOrganisation({ ...options, now: NOW, suite: 'p256', renewers: 2 });
  const globex = await makeOrganisation({ org: 'globex', now: NOW, suite: 'p256', renewers: 1 });
  const [first, second] = acme.renewers;
  if (first === undefined || second === undefined) throw new Error('two renewers were asked for');
  return { acme, globex, first, second };
}
