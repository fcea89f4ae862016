import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bulla, identityOf } from '@bulla/client';
import { makeOrganisation } from '@bulla/crypto/testing';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { setUpMarkFolder } from '@bulla/service-kit/testing';
import {
  committedKeyPair,
  type FakeOpenai,
  freePorts,
  startFakeOpenai,
  startTestPostgres,
  type TestPostgres,
} from '@bulla/testkit';
import { startRedis, type TestRedis } from '../../packages/service-kit/test/redis-server.js';
import { type ServiceProcess, startService } from '../faults/service-process.js';
import { bring, vaultSettings } from '../faults/vault-world.js';

/** What glibc does with freed memory, as the start script and the images set it. */
const GLIBC_TUNABLES = 'glibc.malloc.perturb=85:glibc.malloc.tcache_count=0';

/** Both services in processes of their own, on a PostgreSQL and a Redis of their own, with a scripted model server. */
export interface Apart {
  readonly folder: string;
  readonly organisation: TestOrganisation;
  readonly postgres: TestPostgres;
  readonly redis: TestRedis;
  readonly model: FakeOpenai;
  readonly vault: ServiceProcess;
  readonly responder: ServiceProcess;
  readonly bulla: Bulla;
  /** Ends the services; what they wrote stays to be read. */
  stopServices(): Promise<void>;
  remove(): Promise<void>;
}

/** @param postgresSettings of the server, such as what it logs. */
export async function startApart(postgresSettings: Readonly<Record<string, string>>): Promise<Apart> {
  const folder = await mkdtemp(join(tmpdir(), 'bulla-apart-'));
  const [postgres, redis, model] = await Promise.all([
    startTestPostgres({ settings: postgresSettings }),
    startRedis(),
    startFakeOpenai(),
  ]);
  const organisation = await makeOrganisation({ readyKeyPair: committedKeyPair });
  const [member] = organisation.responders;
  const [port = 0] = await freePorts(1);
  await organisation.publish((draft) => {
    const entity = draft.entities[member.urn];
    if (entity?.kind === 'responder') entity.url = `http://127.0.0.1:${port}`;
  });
  const { settings, ...settingsFolder } = await vaultSettings(organisation, postgres.url);
  const edge = { BULLA_REDIS_URL: redis.url, BULLA_LOG_LEVEL: 'debug', GLIBC_TUNABLES };
  const vault = await startService('vault', { ...settings, ...edge });
  await mkdir(join(folder, 'keys'));
  const keys = join(folder, 'keys/responder.json');
  await writeFile(keys, JSON.stringify(member.keyFile), { mode: 0o600 });
  setUpMarkFolder(`${keys}.audit-marks`, member.keyFile);
  await bring(vault.url, organisation);
  const responder = await startService('responder', {
    ...edge,
    BULLA_DATABASE_URL: postgres.url,
    BULLA_KEYS_FILE: keys,
    BULLA_PIN: organisation.pin,
    BULLA_VAULT_URL: vault.url,
    BULLA_LLM: `openai:${model.url}`,
    BULLA_LLM_MODEL: 'fake-model',
    BULLA_RESPONDER_PORT: String(port),
  });
  const bulla = await Bulla.connect({
    url: vault.url,
    pin: organisation.pin,
    identity: await identityOf(organisation.owner.keyFile),
  });
  return {
    folder,
    organisation,
    postgres,
    redis,
    model,
    vault,
    responder,
    bulla,
    async stopServices() {
      await bulla.close();
      await Promise.all([vault.stop(), responder.stop()]);
    },
    async remove() {
      await Promise.all([vault.stop('SIGKILL'), responder.stop('SIGKILL'), model.stop(), redis.drop()]);
      await postgres.stop();
      await settingsFolder.remove();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
