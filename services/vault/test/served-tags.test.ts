import { expect, it } from '@jest/globals';
import { mintId, organisationUrn, signTag, urnOf } from '@bulla/crypto';
import { makeOrganisation } from '@bulla/crypto/testing';
import { servedTags } from '../src/prompts/served-tags.js';

const DAY = 86_400;

it('of a person are the newest whose key signed in time, before a newer one of a key that signed no more [guard: served-key-time]', async () => {
  const acme = await makeOrganisation();
  const { org, now, author } = acme;
  const laptop = await acme.makeDevice('laptop', { roles: ['author'], groups: ['grp:authors'] });
  const trust = await acme.publish((draft) => {
    const user = acme.trust.userOf(author.urn) ?? '';
    const keys = laptop.entity.keys.map((key) => ({ ...key, nbf: now - 3 * DAY, use_until: now - 2 * DAY }));
    draft.entities[laptop.urn] = { ...laptop.entity, user, keys } as typeof laptop.entity;
  });
  const place = { sub: urnOf(org, 'prompt', mintId('prm')), name: 'claims/triage', tag: 'latest', ver: 1, seq: 1 };
  const rowOf = async ({ urn, signer }: typeof author, iat: number) => {
    const of = { iss: urn, aud: organisationUrn(org), ...place, chash: 'A'.repeat(43), prev: '' };
    const token = await signTag({ ...of, iat, exp: iat + 7 * DAY, purpose: 'prompt.tag' }, signer);
    const { name, tag: label, seq } = place;
    const times = {
      created_at: new Date(),
      issued_at: new Date(iat * 1000),
      expires_at: new Date((iat + 7 * DAY) * 1000),
    };
    return { org, name, label, seq, sha256: '', device_urn: urn, kid: signer.kid, token, ...times };
  };
  const late = await rowOf(laptop, now);
  const inTime = await rowOf(author, now - DAY);
  const freshUntil = now - DAY + trust.freshSeconds;
  expect(servedTags(trust, [late, inTime], now)).toEqual({ tokens: [inTime.token], freshUntil });
});
