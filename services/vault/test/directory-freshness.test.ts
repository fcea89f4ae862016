import { beforeEach, describe, expect, it } from '@jest/globals';
import { signDirectoryFreshness } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { SignedClient } from '@bulla/service-kit/testing';
import { committedKeyPair } from '@bulla/testkit';
import { OrganisationsRepository } from '../src/organisations/organisations.repository.js';
import { basedOn, bodyOf, must } from './authoring.js';
import { bringDirectoryWord, freshenDirectory, renewerOf } from './freshening.js';
import { expectRefusal } from './refusals.js';
import type { Store, TestVault } from './running-vault.js';
import { firstDocuments, SECRETS } from './running-vault.js';
import { shareVault } from './shared-vault.js';

const PROMPTS = '/api/v1/prompts';
const DAY_SECONDS = 86_400;

describe.each<Store>(['PostgreSQL', 'PGlite'])('what renewers say of a directory on %s', (store) => {
  let vault: TestVault;
  const start = shareVault(
    store,
    (started) => void (vault = started),
    // By itself, no directory counts any more.
    ({ clock }) => clock.advance(8 * DAY_SECONDS),
  );
  // Whatever is said in a test is newer than what was said in the one before.
  beforeEach(() => vault.clock.advance(1));

  const shown = async (org = 'acme') =>
    bodyOf<{ fresh: string[] }>(must(200, (await vault.get(`/.well-known/bulla/${org}/fresh.json`)) as never)).fresh;
  const askedAs = ({ owner }: TestOrganisation) => vault.clientOf(owner).get(PROMPTS);
  const word = (change: Partial<Parameters<typeof signDirectoryFreshness>[0]> = {}, index = 0) => {
    const { trust } = vault.acme;
    const { urn, fresh } = renewerOf(vault.acme, index);
    const iat = change.iat ?? vault.clock.now();
    const claims = { iss: urn, aud: 'urn:bulla:acme', dir: trust.directoryRef, iat, exp: iat + trust.freshSeconds };
    return signDirectoryFreshness({ ...claims, purpose: 'directory.fresh', ...change }, fresh);
  };

  it('lets everybody go on once it is there, of their organisation alone, also after a restart', async () => {
    await start();
    const { acme, other } = vault;
    await expectRefusal(vault, () => askedAs(acme), 403, 'trust_expired');
    expect(await shown()).toEqual([]);
    const loads = () => vault.log.filter((line) => line.includes('"event":"trust-loaded","org":"acme"')).length;
    const before = loads();
    const first = await freshenDirectory(vault, acme);
    must(200, await askedAs(acme));
    expect(await shown()).toEqual([first]);
    // The documents were not read anew for it.
    expect(loads()).toBe(before);
    await expectRefusal(vault, () => askedAs(other), 403, 'trust_expired');
    const replica = await vault.startReplica();
    must(200, await new SignedClient(replica, acme.owner, { now: () => vault.clock.now() }).get(PROMPTS));
  });

  it('lets an organisation begin here whose documents were signed a week before', async () => {
    const { acme } = vault;
    const third = await makeOrganisation({ org: 'third', suite: 'p256', renewers: 1, readyKeyPair: committedKeyPair });
    await third.publish((draft) => {
      const listed = draft.entities[third.vault.urn];
      if (listed !== undefined) listed.keys = acme.vault.entity.keys;
    });
    must(201, await vault.bring('third', firstDocuments(third), SECRETS[2]));
    await expectRefusal(vault, () => askedAs(third), 403, 'trust_expired');
    await freshenDirectory(vault, third);
    must(200, await askedAs(third));
  });

  it('is seen by another replica within half a second', async () => {
    const { acme, clock } = vault;
    await freshenDirectory(vault, acme);
    const replica = await vault.startReplica();
    const owner = new SignedClient(replica, acme.owner, { now: () => clock.now() });
    must(200, await owner.get(PROMPTS));
    clock.advance(acme.trust.freshSeconds);
    expect((await owner.get(PROMPTS)).status).toBe(403);
    await freshenDirectory(vault, acme);
    clock.advance(1);
    must(200, await owner.get(PROMPTS));
  });

  it('is shown as the last word of each renewer, the newest first [guard: vault-directory-fresh-newest]', async () => {
    const { acme, clock } = vault;
    const [one, two] = [renewerOf(acme), renewerOf(acme, 1)];
    const early = await acme.freshDirectory(clock.now() - 30, one);
    const first = await freshenDirectory(vault, acme, one);
    clock.advance(10);
    const second = await freshenDirectory(vault, acme, two);
    expect(await shown()).toEqual([second, first]);
    must(200, await bringDirectoryWord(vault, acme, early, one));
    expect(await shown()).toEqual([second, first]);
    clock.advance(10);
    const later = await freshenDirectory(vault, acme, one);
    expect(await shown()).toEqual([later, second]);
  });

  it('is of one organisation in every statement [guard: org-directory-words]', async () => {
    const { acme, service } = vault;
    await freshenDirectory(vault, acme);
    const stored = service.app.get(OrganisationsRepository, { strict: false });
    const { ver } = acme.trust.directoryRef;
    expect((await stored.words('acme', ver)).length).toBeGreaterThan(0);
    expect(await stored.words('other', ver)).toEqual([]);
    must(404, (await vault.get('/.well-known/bulla/nowhere/fresh.json')) as never);
  });

  it.each<[string, number, string, () => Promise<string>]>([
    [
      'of another directory [guard: vault-fresh-directory]',
      412,
      'version_conflict',
      () => word({ dir: { ver: 9, hash: 'A'.repeat(43) } }),
    ],
    [
      'of another branch',
      409,
      'trust_rollback',
      () => word({ dir: { ...vault.acme.trust.directoryRef, hash: 'A'.repeat(43) } }),
    ],
    [
      'that nobody signed so [guard: vault-directory-fresh]',
      401,
      'signature_invalid',
      async () => {
        const [head, , signature] = (await word()).split('.');
        const [, claims] = (await word({ iat: vault.clock.now() - 1 })).split('.');
        return [head, claims, signature].join('.');
      },
    ],
    ['of another renewer [guard: vault-fresh-own]', 403, 'forbidden', () => word({}, 1)],
    ['of another organisation', 400, 'envelope_tampered', () => word({ aud: 'urn:bulla:other' })],
    ['that is ahead', 401, 'clock_skew', () => word({ iat: vault.clock.now() + 61 })],
    [
      'that was kept back [guard: vault-fresh-old]',
      401,
      'clock_skew',
      () => word({ iat: vault.clock.now() - 61, exp: vault.clock.now() + DAY_SECONDS }),
    ],
    ['of more than a week', 400, 'validation_failed', () => word({ exp: vault.clock.now() + 8 * DAY_SECONDS })],
    [
      'of a key that signs requests',
      401,
      'key_unknown',
      async () => {
        const { urn, signer } = renewerOf(vault.acme);
        const { trust } = vault.acme;
        const iat = vault.clock.now();
        const claims = { iss: urn, aud: 'urn:bulla:acme', dir: trust.directoryRef, iat, exp: iat + 600 };
        return signDirectoryFreshness({ ...claims, purpose: 'directory.fresh' }, signer);
      },
    ],
    ['that is none', 400, 'validation_failed', () => Promise.resolve('a.b.c')],
  ])('is not taken %s', async (_name, status, code, make) => {
    const { acme } = vault;
    const before = await shown();
    const token = await make();
    await expectRefusal(
      vault,
      () => bringDirectoryWord(vault, acme, token, renewerOf(acme)),
      status,
      code as 'forbidden',
    );
    expect(await shown()).toEqual(before);
  });

  it('ends with the directory that it is of, and the next one begins anew', async () => {
    const { acme, clock } = vault;
    await freshenDirectory(vault, acme);
    const from = acme.trust.directory.version;
    await acme.publish(() => {}, clock.now());
    const { directory } = acme.documents;
    const owner = vault.clientOf(acme.owner);
    must(200, await owner.put('/api/v1/organisations/acme/directory', { directory }, basedOn(from)));
    expect(await shown()).toEqual([]);
    must(200, await owner.get(PROMPTS));
    const said = await freshenDirectory(vault, acme);
    expect(await shown()).toEqual([said]);
  });

  it('counts again when it is not ahead any more of the clock of who looks', async () => {
    const { acme, clock } = vault;
    clock.advance(8 * DAY_SECONDS);
    const said = await freshenDirectory(vault, acme);
    clock.advance(-120);
    const late = await vault.startReplica();
    const owner = new SignedClient(late, acme.owner, { now: () => clock.now() });
    expect(bodyOf(await owner.get(PROMPTS))['code']).toBe('clock_skew');
    clock.advance(120);
    must(200, await owner.get(PROMPTS));
    expect(await shown()).toEqual([said]);
  });
});
