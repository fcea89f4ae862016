import type { OwnGrant } from '@bulla/contract';
import type { KeyPair, KeyRecord, Trust, Unwrapper } from '@bulla/crypto';
import { generateKeyPair, isSealAlg, tokenHash } from '@bulla/crypto';
import { loadUnwrapper } from '@bulla/crypto/open';
import type { TestOrganisation } from '@bulla/crypto/testing';
import type { StoredPrompt, TestMember } from './asking.js';
import { organisationForTest } from './responder-fixture.js';

/** A responder with a younger encryption key beside the one that it had. */
export interface RenewedResponder {
  readonly organisation: TestOrganisation;
  readonly member: TestMember;
  readonly trust: Trust;
  readonly old: KeyRecord;
  readonly younger: KeyRecord;
  /** Of both keys, the younger first. */
  readonly unwrappers: readonly [Unwrapper, Unwrapper];
}

/** @param suite of the younger key; of the older one it is `p256`. */
export async function renewedResponder(suite: 'p256' | 'rsa2048' = 'p256'): Promise<RenewedResponder> {
  const organisation = await organisationForTest({ suite: 'p256' });
  const [member] = organisation.responders;
  const pair = await generateKeyPair(suite, 'enc');
  const younger = recordOf(pair, organisation.now - 60);
  const trust = await organisation.publish((draft) => {
    draft.entities[member.urn]?.keys.unshift(younger);
  });
  const old = member.entity.keys.find(({ use }) => use === 'enc') as KeyRecord;
  return { organisation, member, trust, old, younger, unwrappers: [await unwrapperOf(pair), await member.unwrapper()] };
}

async function unwrapperOf({ privateJwk, alg }: KeyPair): Promise<Unwrapper> {
  if (!isSealAlg(alg)) throw new Error('not an encryption key');
  return loadUnwrapper(privateJwk, alg);
}

function recordOf({ kid, alg, suite, publicJwk: jwk }: KeyPair, nbf: number): KeyRecord {
  return {
    kid,
    use: 'enc',
    alg,
    suite,
    pur: ['unwrap'],
    nbf,
    use_until: nbf + 90 * 86_400,
    end: nbf + 120 * 86_400,
    jwk,
  };
}

/** A grant as the vault lists it. */
export async function listed(
  { organisation }: Pick<RenewedResponder, 'organisation'>,
  prompt: StoredPrompt,
  grant = prompt.grant,
  poster = organisation.author.sig.kid,
): Promise<OwnGrant> {
  const [header = ''] = prompt.content.split('.');
  const [protectedPart = ''] = grant.split('.');
  const { kid } = JSON.parse(Buffer.from(protectedPart, 'base64url').toString()) as { kid: string };
  const whash = await tokenHash(grant);
  return { prompt: prompt.id, version: prompt.ver, kid, whash, poster, header, grant };
}
