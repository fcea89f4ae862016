import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bulla, identityOf } from '@bulla/client';
import { AppSurface } from '@bulla/client/apps';
import { makeOrganisation } from '@bulla/crypto/testing';
import { Bearer, ProxyServer } from '@bulla/proxy';
import { setUpMarkFolder } from '@bulla/service-kit/testing';
import { committedKeyPair, type FakeOpenai, type FakeReply, freePorts, startFakeOpenai } from '@bulla/testkit';
import OpenAI from 'openai';
import { requireReady } from '../faults/kills-round.js';
import { type Spawned, spawnService } from '../faults/service-process.js';
import { bring, vaultSettings } from '../faults/vault-world.js';
import { openTap, type Tap } from './tap.js';

/** Vault and responder as processes of their own, every connection to them through a tap, and the proxy before them. */
export interface ProcessesWorld {
  readonly model: FakeOpenai;
  readonly bulla: Bulla;
  /** An SDK that asks the proxy. */
  readonly client: OpenAI;
  /** What passes between Bulla here, the responder and the vault. */
  readonly taps: Readonly<Record<'vault' | 'responder', Tap>>;
  /** Kills the responder with -9, and waits until it is gone. */
  killResponder(): Promise<void>;
  startResponder(): Promise<void>;
  stop(): Promise<void>;
}

/** @param databaseUrl of an empty database */
export async function startProcessesWorld(databaseUrl: string, replies: FakeReply): Promise<ProcessesWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'bulla-apps-processes-'));
  const model = await startFakeOpenai({ replies });
  const [vaultPort = 0, vaultTap = 0, responderPort = 0, responderTap = 0] = await freePorts(4);
  const taps = { vault: await openTap(vaultTap, vaultPort), responder: await openTap(responderTap, responderPort) };
  const organisation = await makeOrganisation({ readyKeyPair: committedKeyPair, policy: { chat: ['grp:authors'] } });
  const [member] = organisation.responders;
  await organisation.publish((draft) => {
    const entity = draft.entities[member.urn];
    if (entity?.kind === 'responder') entity.url = taps.responder.url;
  });
  const prepared = await vaultSettings(organisation, databaseUrl);
  const keys = join(folder, 'responder.keys.json');
  await writeFile(keys, JSON.stringify(member.keyFile), { mode: 0o600 });
  setUpMarkFolder(`${keys}.audit-marks`, member.keyFile);
  const settings = {
    vault: { ...prepared.settings, BULLA_VAULT_PORT: String(vaultPort), BULLA_PUBLIC_URL: taps.vault.url },
    responder: {
      BULLA_DATABASE_URL: databaseUrl,
      BULLA_KEYS_FILE: keys,
      BULLA_PIN: organisation.pin,
      BULLA_VAULT_URL: taps.vault.url,
      BULLA_RESPONDER_PORT: String(responderPort),
      BULLA_PUBLIC_URL: taps.responder.url,
      BULLA_LLM: `openai:${model.url}`,
      BULLA_LLM_MODEL: 'small',
    },
  };
  const running: Partial<Record<'vault' | 'responder', Spawned>> = {};
  const start = async (name: 'vault' | 'responder'): Promise<void> => {
    const startedMs = performance.now();
    const service = spawnService(name, { BULLA_LOG_LEVEL: 'error', ...settings[name] });
    running[name] = service;
    const how = { withinMs: 120_000, sinceMs: () => startedMs, said: service.output };
    await requireReady(taps[name].url, how);
  };
  const kill = async (name: 'vault' | 'responder'): Promise<void> => {
    running[name]?.child.kill('SIGKILL');
    await running[name]?.ended;
  };
  await start('vault');
  await bring(taps.vault.url, organisation);
  await start('responder');
  const identity = await identityOf(organisation.owner.keyFile);
  const bulla = await Bulla.connect({ url: taps.vault.url, identity, pin: organisation.pin });
  const apiKey = Bearer.newToken();
  const proxy = await ProxyServer.start({
    surface: new AppSurface(bulla),
    bearer: new Bearer(apiKey),
    listen: { host: '127.0.0.1', port: 0 },
    describe: () => Promise.resolve({}),
  });
  return {
    model,
    bulla,
    client: new OpenAI({ baseURL: `${proxy.origin}/v1`, apiKey }),
    taps,
    killResponder: () => kill('responder'),
    startResponder: () => start('responder'),
    async stop() {
      await proxy.stop(0);
      await bulla.close();
      await Promise.all([kill('vault'), kill('responder')]);
      await Promise.all([model.stop(), taps.vault.close(), taps.responder.close()]);
      await prepared.remove();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
