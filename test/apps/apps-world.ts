import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bulla } from '@bulla/client';
import { AppSurface } from '@bulla/client/apps';
import {
  connectionOf,
  Home,
  IDENTITY,
  prepareDevelopment,
  readKeyFile,
  ReceiptFolder,
  ReceiptKeeper,
  receiptKeysOf,
} from '@bulla/client/node';
import { Bearer, ProxyServer } from '@bulla/proxy';
import { type FakeOpenai, startFakeOpenai } from '@bulla/testkit';
import { startUp } from '../bulla-command.js';
import { portSettings, prepareHome } from '../bulla-process.js';

/** The one thing that an app is told differently. */
export interface AppSettings {
  readonly OPENAI_BASE_URL: string;
  readonly OPENAI_API_KEY: string;
}

/** A whole Bulla between apps and a model server that answers by a script. */
export interface AppsWorld {
  readonly fake: FakeOpenai;
  readonly bulla: Bulla;
  readonly home: string;
  /** The address of the proxy, without a path. */
  readonly origin: string;
  /** Straight to the model server, and through Bulla. */
  readonly settings: Readonly<Record<'direct' | 'bulla', AppSettings>>;
  /** Stops vault and responder; apps may still ask. */
  stopServices(): Promise<void>;
  stop(): Promise<void>;
}

/** A prompt of one variable that every world has; its answer is what the model server says. */
export const PROMPT = 'apps/triage';

/** Starts vault, responder and proxy on free ports. */
export async function startAppsWorld(settings: Readonly<Record<string, string>> = {}): Promise<AppsWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'bulla-apps-'));
  const home = join(folder, 'home');
  const fake = await startFakeOpenai();
  const ports = await portSettings();
  const [vaultUrl = '', responderUrl = ''] = [ports.BULLA_VAULT_PORT, ports.BULLA_RESPONDER_PORT].map(
    (port) => `http://127.0.0.1:${port}`,
  );
  await prepareHome(home);
  const now = Math.floor(Date.now() / 1000);
  await prepareDevelopment(new Home(home), { vaultUrl, responderUrl, now, suite: 'p256' });
  const up = await startUp({ BULLA_HOME: home, BULLA_LLM: `openai:${fake.url}`, ...ports, ...settings });
  const bulla = await Bulla.connect(await connectionOf(new Home(home)));
  await bulla.prompts.push(PROMPT, 'text', DRAFT, ['production']);
  const token = Bearer.newToken();
  const proxy = await ProxyServer.start({
    surface: new AppSurface(bulla, { keeper: await receiptsIn(new Home(home)) }),
    bearer: new Bearer(token),
    listen: { host: '127.0.0.1', port: 0 },
    describe: () => Promise.resolve({}),
  });
  let isUp = true;
  const stopServices = async (): Promise<void> => {
    if (isUp) await up.stop();
    isUp = false;
  };
  return {
    fake,
    bulla,
    home,
    origin: proxy.origin,
    settings: {
      direct: { OPENAI_BASE_URL: fake.url, OPENAI_API_KEY: 'sk-direct' },
      bulla: { OPENAI_BASE_URL: `${proxy.origin}/v1`, OPENAI_API_KEY: token },
    },
    stopServices,
    async stop() {
      await proxy.stop(0);
      await bulla.close();
      await stopServices();
      await fake.stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** Receipts of the last hundred answers, as the command keeps them. */
async function receiptsIn(home: Home): Promise<ReceiptKeeper> {
  const file = await readKeyFile(home, IDENTITY);
  if (file === undefined) throw new Error('the home has no identity');
  return new ReceiptKeeper({ folder: new ReceiptFolder(home), keys: await receiptKeysOf(file) });
}

const DRAFT = {
  content: {
    messages: [{ role: 'user' as const, content: 'Sort this claim: {{claim}}' }],
    vars: { claim: { type: 'string' as const, max: 1000 } },
    model: { name: 'small' },
  },
  acceptsMessages: true,
};
