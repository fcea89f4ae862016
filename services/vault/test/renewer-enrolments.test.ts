import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DirectoryEntity, KeyPair, SignAlg } from '@bulla/crypto';
import { generateKeyPair, loadSigner, mintId, urnOf } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { basedOn, bodyOf, must } from './authoring.js';
import type { Invited, Newcomer } from './enrolling.js';
import {
  approve,
  asNewcomer,
  enrol,
  ENROLMENTS,
  invitationOf,
  INVITATIONS,
  invite,
  letIn,
  listing,
  newcomerWith,
} from './enrolling.js';
import { bringDirectoryWord } from './freshening.js';
import { expectRefusal } from './refusals.js';
import type { TestMember, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

const DAY_SECONDS = 86_400;

let vault: TestVault;
beforeAll(async () => {
  vault = await startVault();
});
afterAll(() => vault.stop());

/** Invites a renewer as the owner. */
async function inviteRenewer(to = vault): Promise<Invited> {
  const { invited, body } = await invitationOf(to, to.acme);
  const offer = { ...body, roles: ['renewer'], groups: [] };
  expect(must(201, await to.clientOf(to.acme.owner).post(INVITATIONS, offer)).body).toMatchObject({
    roles: ['renewer'],
    groups: [],
  });
  return invited;
}

type Renewer = Newcomer & { readonly http: KeyPair; readonly fresh: KeyPair };

/** A renewer with an invitation, and keys that nothing can be sealed to. */
async function renewerWith(invited: Invited, { acme } = vault): Promise<Renewer> {
  const [http, fresh] = [await generateKeyPair('ed25519', 'sig'), await generateKeyPair('ed25519', 'sig')];
  const urn = urnOf('acme', 'dev', mintId('dev'));
  const device = {
    urn,
    keyid: `${urn}#${http.kid}`,
    sig: http,
    enc: fresh,
    signer: await loadSigner(http.privateJwk, http.alg as SignAlg),
    entity: entityOf(acme, [
      [http, 'http'],
      [fresh, 'fresh'],
    ]),
  };
  return { ...(await asNewcomer(invited, device as unknown as TestMember, 'acme')), http, fresh };
}

function entityOf({ now }: TestOrganisation, keys: readonly [KeyPair, 'http' | 'fresh'][]): DirectoryEntity {
  const times = { nbf: now - DAY_SECONDS, use_until: now + 90 * DAY_SECONDS, end: now + 365 * DAY_SECONDS };
  return {
    kind: 'device',
    user: urnOf('acme', 'user', mintId('usr')),
    roles: ['renewer'],
    groups: [],
    keys: keys.map(([{ kid, alg, publicJwk }, purpose]) => {
      return { kid, use: 'sig', alg, suite: 'ed25519', pur: [purpose], ...times, jwk: publicJwk };
    }),
  };
}

/** The next directory with a renewer that is listed in some way. */
function listingAs({ device }: Newcomer, entity: DirectoryEntity): Promise<string> {
  return listing(vault.acme, { device: { ...device, entity } });
}

describe('a renewer', () => {
  it('comes in with two keys that sign, and says what is the newest from then on', async () => {
    const { acme, clock } = vault;
    const renewer = await renewerWith(await inviteRenewer());
    const { body, device, http, fresh, id } = renewer;
    expect(body.enc.alg).toBe('Ed25519');
    must(201, await enrol(vault, renewer));
    const own = () => vault.clientOf(renewer.asker).get(`${ENROLMENTS}/${id}`);
    expect(must(200, await own()).body).toMatchObject({ state: 'pending', device: null });
    const { data } = bodyOf<{ data: unknown[] }>(must(200, await vault.clientOf(acme.owner).get(ENROLMENTS)));
    expect(data).toContainEqual(
      expect.objectContaining({ id, sig: { ...body.sig, kid: http.kid }, enc: { ...body.enc, kid: fresh.kid } }),
    );
    await letIn(vault, renewer);
    expect(must(200, await own()).body).toMatchObject({ state: 'approved', device: device.urn });
    const signer = await loadSigner(fresh.privateJwk, fresh.alg as SignAlg);
    const word = await acme.freshDirectory(clock.now(), { ...renewer.device, fresh: signer } as never);
    must(200, await bringDirectoryWord(vault, acme, word, device));
    await expectRefusal(vault, () => vault.clientOf(device).get('/api/v1/prompts'), 403, 'forbidden');
  });

  it('brings its keys to an invitation of a renewer, and to no other [guard: enrol-renewer]', async () => {
    const [toRenewer, toDevice] = [await inviteRenewer(), await invite(vault)];
    const asDevice = await renewerWith(toDevice);
    await expectRefusal(vault, () => enrol(vault, asDevice), 400, 'validation_failed');
    const asRenewer = await newcomerWith(toRenewer, vault.acme);
    await expectRefusal(vault, () => enrol(vault, asRenewer), 400, 'validation_failed');
    // Neither has spent what it was shown.
    must(201, await enrol(vault, await renewerWith(toRenewer)));
    must(201, await enrol(vault, await newcomerWith(toDevice, vault.acme)));
  });

  it('has two keys, and not one twice', async () => {
    const renewer = await renewerWith(await inviteRenewer());
    await expectRefusal(vault, () => enrol(vault, renewer, { enc: renewer.body.sig }), 400, 'validation_failed');
    must(201, await enrol(vault, renewer));
  });

  it('is let in with each key for what it was asked for [guard: approve-renewer]', async () => {
    const { acme } = vault;
    const renewer = await renewerWith(await inviteRenewer());
    must(201, await enrol(vault, renewer));
    const { http, fresh, id } = renewer;
    const swapped = await listingAs(
      renewer,
      entityOf(acme, [
        [http, 'fresh'],
        [fresh, 'http'],
      ]),
    );
    await expectRefusal(vault, () => approve(vault, acme, id, swapped), 400, 'validation_failed');
    const bothHttp = await listingAs(
      renewer,
      entityOf(acme, [
        [http, 'http'],
        [fresh, 'http'],
      ]),
    );
    await expectRefusal(vault, () => approve(vault, acme, id, bothHttp), 400, 'validation_failed');
    await letIn(vault, renewer);
  });

  it('lets nobody else in under its keys: a device is sealed to', async () => {
    const { acme } = vault;
    const renewer = await renewerWith(await inviteRenewer());
    must(201, await enrol(vault, renewer));
    const { keys } = renewer.device.entity;
    const asDevice: DirectoryEntity = {
      kind: 'device',
      user: urnOf('acme', 'user', mintId('usr')),
      roles: ['invoker'],
      groups: [],
      keys: keys.map((key, index) => ({ ...key, pur: index === 0 ? ['http', 'invoke'] : ['content'] })),
    };
    const listed = await listingAs(renewer, asDevice);
    await expectRefusal(vault, () => approve(vault, acme, renewer.id, listed), 400, 'validation_failed');
  });

  it('is refused with a key of a suite that the policy does not allow', async () => {
    // Of its own: what is published here stays published.
    const own = await startVault();
    const { acme } = own;
    const renewer = await renewerWith(await inviteRenewer(own), own);
    await acme.publishPolicy((draft) => {
      draft.suites = ['p256'];
    });
    const owner = own.clientOf(acme.owner);
    const put = (kind: 'policy' | 'directory', from: number) =>
      owner.put(`/api/v1/organisations/acme/${kind}`, { [kind]: acme.documents[kind] }, basedOn(from));
    must(200, await put('policy', acme.trust.policy.version - 1));
    must(200, await put('directory', acme.trust.directory.version - 1));
    await expectRefusal(own, () => enrol(own, renewer), 400, 'validation_failed');
    await own.stop();
  });
});
