import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Job, KeyStatus, Problem, Unsealing } from '@bulla/contract';
import { randomBytes, sealShare, Secret } from '@bulla/crypto';
import { dealShares } from '@bulla/crypto/open';
import { EventLog } from '@bulla/service-kit';
import type { Service } from '@bulla/service-kit';
import { SignedClient } from '@bulla/service-kit/testing';
import { findPostgres, folderForTest } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RootKeys } from '../src/managed/root-key/root-keys.js';
import { bodyOf, must } from './authoring.js';
import type { ManagedVersion } from './managing.js';
import { doChore, manageOne, openManaged } from './managing.js';
import { OpenBaoStandIn } from './openbao-stand-in.js';
import { placeRootKey } from './root-key-files.js';
import type { Store, TestVault } from './running-vault.js';
import { contract, startVault } from './running-vault.js';

// A root key that moves from a file into shares, from there to another machine, and back into a file.

const COUNTS = { shares: 3, threshold: 2 };
const log = new EventLog({ service: 'vault', level: 'silent' });
const place = { production: false, dataFolders: [] };
const stores: Store[] = [...(findPostgres() === undefined ? [] : ['PostgreSQL' as const]), 'PGlite'];

describe.each(stores)('a root key on %s', (store) => {
  let vault: TestVault;
  let managed: ManagedVersion;
  let places: { file: string; shares: string; openbao: string; again: string };
  let shares: readonly string[];
  const bao = new OpenBaoStandIn();
  beforeAll(async () => {
    vault = await startVault(store);
    managed = await manageOne(vault);
    const folder = folderForTest('root-key-moves');
    const dealt = await dealShares(new Secret(randomBytes(32)), COUNTS, vault.clock.now());
    ({ shares } = dealt);
    writeFileSync(join(folder, 'set.json'), dealt.file, { mode: 0o644 });
    await bao.server.start();
    bao.makeKey('transit/root');
    writeFileSync(join(folder, 'token'), bao.state.token, { mode: 0o600 });
    placeRootKey(join(folder, 'again.key'));
    places = {
      file: vault.rootKeyFiles.settings.current,
      shares: `shamir:${join(folder, 'set.json')}`,
      openbao: `openbao:${bao.server.url}/transit/root?token-file=${join(folder, 'token')}`,
      again: `file:${join(folder, 'again.key')}`,
    };
  });
  afterAll(async () => {
    await vault.stop();
    await bao.server.stop();
  });

  /** Starts the only process that is there now. */
  async function start(
    current: string,
    next?: string,
  ): Promise<{ service: Service; roots: RootKeys; as: SignedClient }> {
    await vault.database.db.deleteFrom('vault_process').execute();
    const roots = new RootKeys({ settings: { current, next }, place, log });
    await roots.look(vault.database.db);
    const service = await vault.startReplica({ rootKeys: roots });
    const as = new SignedClient(service, vault.acme.owner, { now: () => vault.clock.now(), contract });
    return { service, roots, as };
  }

  /** People bring as many shares as it takes. */
  async function unseal(as: SignedClient): Promise<void> {
    const { key } = bodyOf<Unsealing>(must(200, await as.get('/api/v1/unsealing')));
    const to = { kid: key.kid, use: 'enc', alg: 'ECDH-ES+A256KW', jwk: key.jwk } as const;
    for (const share of shares.slice(0, COUNTS.threshold))
      must(200, await as.post('/api/v1/unsealing/shares', { share: await sealShare(share, to) }));
  }

  const opens = async (service: Service) =>
    expect(Buffer.from(await openManaged(vault, managed, service))).toEqual(Buffer.from(managed.dek));
  const rotated = async (service: Service, as: SignedClient, body: object) => {
    const job = bodyOf<Job>(must(201, await as.post('/api/v1/keys/rotations', body)));
    await doChore(service, 'run-jobs');
    return bodyOf<Job>(must(200, await as.get(`/api/v1/jobs/${job.id}`)));
  };

  it.each([
    ['a file', 'shares of people', 'file', 'shares'],
    ['shares of people', 'OpenBao', 'shares', 'openbao'],
    ['OpenBao', 'another file', 'openbao', 'again'],
  ] as const)('goes from %s to %s: what is managed opens at each moment', async (_from, _to, from, to) => {
    const { service, roots, as } = await start(places[from], places[to]);
    if (from === 'shares' || to === 'shares') await unseal(as);
    await doChore(service, 'hold-root-keys');
    await opens(service);
    const job = await rotated(service, as, { what: 'root', to: places[to] });
    expect(job).toMatchObject({ state: 'done', what: 'root', done: job.total });
    const [after, before] = bodyOf<KeyStatus>(must(200, await as.get('/api/v1/keys'))).root;
    expect([after, before]).toMatchObject([
      { kid: job.target, state: 'active', objects: job.total },
      { state: 'deactivated', objects: 0 },
    ]);
    await opens(service);
    expect(await rotated(service, as, { what: 'kek' })).toMatchObject({ state: 'done' });
    await opens(service);
    await roots.close();

    // The old one can go: the next start does without.
    const alone = await start(places[to]);
    const first = await openManaged(vault, managed, alone.service).then(
      () => 'opened',
      (error: unknown) => (error as Problem).code,
    );
    expect(first).toBe(to === 'shares' ? 'sealed' : 'opened');
    if (to === 'shares') await unseal(alone.as);
    await opens(alone.service);
    await alone.roots.close();
  });

  it('does not start with one that it was under before, and says which it needs', async () => {
    for (const old of [places.file, places.shares, places.openbao]) {
      const roots = new RootKeys({ settings: { current: old }, place, log });
      await expect(roots.look(vault.database.db)).rejects.toMatchObject({
        exitCode: 78,
        message: expect.stringMatching(
          /^BULLA_ROOT_KEY: this database is under root:file:[0-9a-f]{16}, and what is named/,
        ),
      });
      await roots.close();
    }
  });
});
