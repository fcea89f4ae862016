import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import type { Service } from '@bulla/service-kit';
import { SignedClient } from '@bulla/service-kit/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { basedOn, must } from './authoring.js';
import { expectRefusal } from './refusals.js';
import type { TestVault } from './running-vault.js';
import { firstDocuments, SECRETS, startVault } from './running-vault.js';

const PROMPTS = '/api/v1/prompts';
const [, , FREE_SECRET] = SECRETS;

let vault: TestVault;
let inProduction: Service;
let serious: TestOrganisation;
beforeAll(async () => {
  vault = await startVault();
  inProduction = await vault.startReplica({ production: true });
  serious = await makeOrganisation({ org: 'serious', suite: 'p256', profile: 'production', now: vault.acme.now });
});
afterAll(() => vault.stop());

const clientOf = ({ owner }: TestOrganisation) =>
  new SignedClient(inProduction, owner, { now: () => vault.clock.now() });

function bring(organisation: TestOrganisation): request.Test {
  return request(inProduction.app.getHttpServer())
    .put(`/api/v1/organisations/${organisation.org}`)
    .set('authorization', `Bootstrap ${FREE_SECRET}`)
    .send(firstDocuments(organisation));
}

describe('[red] profile development is refused in production', () => {
  it('when the organisation is brought [guard: vault-production]', async () => {
    const toy = await makeOrganisation({ org: 'toy', suite: 'p256', now: vault.acme.now });
    await expectRefusal(vault, () => bring(toy), 403, 'forbidden');
  });

  it('when the organisation was brought before', async () => {
    await expectRefusal(vault, () => clientOf(vault.acme).get(PROMPTS), 403, 'forbidden');
    const shown = () => request(inProduction.app.getHttpServer()).get('/.well-known/bulla/acme/directory.json');
    await expectRefusal(vault, shown, 403, 'forbidden');
    expect(vault.log.join('\n')).toContain('"event":"trust-not-loaded","org":"acme","code":"forbidden"');
    must(200, await vault.clientOf(vault.acme.owner).get(PROMPTS));
  });

  it('when a newer root turns to it', async () => {
    expect((await bring(serious)).status).toBe(201);
    must(200, await clientOf(serious).get(PROMPTS));
    const turn = await serious.signRoot((draft) => (draft.profile = 'development'), vault.clock.now());
    const body = { root: turn.roots[1], policy: turn.policy, directory: turn.directory };
    const publish = () => clientOf(serious).put('/api/v1/organisations/serious/root/2', body, basedOn(1));
    await expectRefusal(vault, publish, 403, 'forbidden');
    must(200, await clientOf(serious).get(PROMPTS));
  });
});
