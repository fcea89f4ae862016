import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bulla } from '@bulla/client';
import { AppSurface } from '@bulla/client/apps';
import { connectionOf, Home, prepareDevelopment } from '@bulla/client/node';
import { Bearer, ProxyServer } from '@bulla/proxy';
import { type FakeOpenai, freePorts, startFakeOpenai } from '@bulla/testkit';
import { startUp } from '../bulla-command.js';
import { portSettings, prepareHome } from '../bulla-process.js';
import { openTap, type Tap } from './tap.js';

/** The one thing that an app is told differently. */
export interface AppSettings {
  readonly OPENAI_BASE_URL: string;
  readonly OPENAI_API_KEY: string;
}

/** A whole Bulla between apps and a model server that answers by a script, with all that passes its sockets. */
export interface AppsWorld {
  readonly fake: FakeOpenai;
  readonly bulla: Bulla;
  readonly home: string;
  /** The address of the proxy, without a path. */
  readonly origin: string;
  /** Straight to the model server, and through Bulla. */
  readonly settings: Readonly<Record<'direct' | 'bulla', AppSettings>>;
  /** What passes between this machine's Bulla and its services. */
  readonly taps: Readonly<Record<'vault' | 'responder', Tap>>;
  /** Stops vault and responder; apps may still ask. */
  stopServices(): Promise<void>;
  stop(): Promise<void>;
}

/** A prompt of one variable that every world has; its answer is what the model server says. */
export const PROMPT = 'apps/triage';

/** Starts vault, responder and proxy on free ports, each reached by the name that the directory gives it. */
export async function startAppsWorld(settings: Readonly<Record<string, string>> = {}): Promise<AppsWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'bulla-apps-'));
  const home = join(folder, 'home');
  const fake = await startFakeOpenai();
  const ports = await portSettings();
  const [vaultPort = 0, responderPort = 0] = await freePorts(2);
  const taps = {
    vault: await openTap(vaultPort, Number(ports.BULLA_VAULT_PORT)),
    responder: await openTap(responderPort, Number(ports.BULLA_RESPONDER_PORT)),
  };
  await prepareHome(home);
  const now = Math.floor(Date.now() / 1000);
  const urls = { vaultUrl: taps.vault.url, responderUrl: taps.responder.url };
  await prepareDevelopment(new Home(home), { ...urls, now, suite: 'p256' });
  const up = await startUp({ BULLA_HOME: home, BULLA_LLM: `openai:${fake.url}`, ...ports, ...settings });
  const bulla = await Bulla.connect(await connectionOf(new Home(home)));
  await bulla.prompts.push(PROMPT, 'text', DRAFT, ['production']);
  const token = Bearer.newToken();
  const proxy = await ProxyServer.start({
    surface: new AppSurface(bulla),
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
    taps,
    stopServices,
    async stop() {
      await proxy.stop(0);
      await bulla.close();
      await stopServices();
      await Promise.all([fake.stop(), taps.vault.close(), taps.responder.close()]);
      await rm(folder, { recursive: true });
    },
  };
}

const DRAFT = {
  content: {
    messages: [{ role: 'user' as const, content: 'Sort this claim: {{claim}}' }],
    vars: { claim: { type: 'string' as const, max: 1000 } },
    model: { name: 'small' },
  },
  acceptsMessages: true,
};
