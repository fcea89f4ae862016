import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bulla, identityOf } from '@bulla/client';
import { makeOrganisation } from '@bulla/crypto/testing';
import type { TestOrganisation } from '@bulla/crypto/testing';
import type { FakeOpenai } from '@bulla/testkit';
import { setUpMarkFolder } from '@bulla/service-kit/testing';
import { startFakeOpenai } from '@bulla/testkit';
import { until, ready } from './fault-watch.js';
import { WIDE_LIMITS } from './kills-round.js';
import { type Front, startFront } from './replicas-front.js';
import { type ServiceProcess, startService } from './service-process.js';
import type { Asker, HttpAnswer, Message, MessageOptions } from './signed-requests.js';
import { send, signedMessage } from './signed-requests.js';
import { bring, vaultSettings } from './vault-world.js';

/** Two vaults and two responders on one database, behind one address for each kind. */
export interface ReplicasWorld {
  readonly organisation: TestOrganisation;
  readonly vaults: readonly [ServiceProcess, ServiceProcess];
  readonly responders: readonly [ServiceProcess, ServiceProcess];
  readonly fronts: { readonly vault: Front; readonly responder: Front };
  readonly model: FakeOpenai;
  readonly databaseUrl: string;
  /** Signs a request to any replica of a kind. */
  sign(kind: Kind, asker: Asker, method: string, target: string, options?: MessageOptions): Promise<Message>;
  /** Sends a signed request to one replica. */
  sendTo(replica: ServiceProcess, message: Message): Promise<HttpAnswer>;
  client(member: TestOrganisation['owner']): Promise<Bulla>;
  stop(): Promise<void>;
}

type Kind = 'vault' | 'responder';

/** What the model says. */
export const ANSWER = 'All is well.';

export async function startReplicas(
  databaseUrl: string,
  more: Readonly<Record<string, string>>,
): Promise<ReplicasWorld> {
  const model = await startFakeOpenai({ replies: { tokens: [ANSWER] } });
  const fronts = { vault: await startFront(), responder: await startFront() };
  const organisation = await makeOrganisation();
  const [responder] = organisation.responders;
  await organisation.publish((draft) => {
    const entity = draft.entities[responder.urn];
    if (entity?.kind === 'responder') entity.url = fronts.responder.url;
  });
  const prepared = await vaultSettings(organisation, databaseUrl);
  const folder = await mkdtemp(join(tmpdir(), 'bulla-replicas-'));
  const keys = join(folder, 'responder.keys.json');
  await writeFile(keys, JSON.stringify(responder.keyFile), { mode: 0o600 });
  setUpMarkFolder(`${keys}.audit-marks`, responder.keyFile);
  const ofVaults = { ...WIDE_LIMITS, ...prepared.settings, ...more, BULLA_PUBLIC_URL: fronts.vault.url };
  const ofResponders = {
    ...WIDE_LIMITS,
    ...more,
    BULLA_DATABASE_URL: databaseUrl,
    BULLA_KEYS_FILE: keys,
    BULLA_PIN: organisation.pin,
    BULLA_VAULT_URL: fronts.vault.url,
    BULLA_PUBLIC_URL: fronts.responder.url,
    BULLA_LLM: `openai:${model.url}`,
    BULLA_LLM_MODEL: 'fake-model',
  };
  // Both at once: their migrations wait for each other.
  const vaults = await Promise.all([startService('vault', ofVaults), startService('vault', ofVaults)]);
  fronts.vault.targets = vaults.map(({ url }) => url);
  await bring(fronts.vault.url, organisation);
  const responders = await Promise.all([
    startService('responder', ofResponders),
    startService('responder', ofResponders),
  ]);
  fronts.responder.targets = responders.map(({ url }) => url);
  const all = [...vaults, ...responders];
  for (const { url } of all) await until('ready', async () => (await ready(url)) === 200);
  return {
    organisation,
    vaults,
    responders,
    fronts,
    model,
    databaseUrl,
    sign: (kind, asker, method, target, options) => signedMessage(fronts[kind].url, asker, method, target, options),
    sendTo: ({ url }, message) => send(url, message),
    client: async ({ keyFile }) =>
      Bulla.connect({ url: fronts.vault.url, identity: await identityOf(keyFile), pin: organisation.pin }),
    async stop() {
      await Promise.all(all.map((service) => service.stop()));
      await model.stop();
      await fronts.vault.close();
      await fronts.responder.close();
      await prepared.remove();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
