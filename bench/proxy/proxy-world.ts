import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { Home, writeProfile } from '@bulla/client/node';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { type FakeOpenai, freePorts } from '@bulla/testkit';
import type { TestMember } from '../../services/responder/test/asking.js';
import type { ServiceProcess } from '../../test/faults/service-process.js';
import { environment } from '../../test/bulla-process.js';
import { asDeployed, ready, type World } from '../world.js';

const repository = resolve(import.meta.dirname, '../../../..');
const program = join(repository, 'packages/cli/bin/bulla.js');
const READY_WITHIN_MS = 60_000;
/** What counts the private-key operations of a process. */
const COUNTING = `--import=${pathToFileURL(join(import.meta.dirname, 'private-operations.js')).href}`;

/** A process whose processor time and private-key operations are looked at. */
export type Watched = Pick<ServiceProcess, 'child' | 'output'>;

/** `bulla proxy` with the home of a device, before a responder of its own whose model is `model`. */
export interface ProxyWorld {
  readonly proxy: Watched;
  readonly responder: ServiceProcess;
  readonly vault: ServiceProcess;
  /** The base URL of OpenAI's interface, and what opens it. */
  readonly baseUrl: string;
  readonly bearer: string;
  stop(): Promise<void>;
}

/**
 * An organisation whose directory names the responder of a proxy world: a client goes where that says.
 * @returns it, and the port that the responder takes
 */
export async function organisationOnPort(): Promise<{ organisation: TestOrganisation; port: number }> {
  const organisation = await makeOrganisation({ policy: { chat: ['grp:support'] } });
  const [port = 0] = await freePorts(1);
  await organisation.publish((draft) => {
    const responder = draft.entities[organisation.responders[0].urn];
    if (responder?.kind === 'responder') responder.url = `http://127.0.0.1:${port}`;
  });
  return { organisation, port };
}

/**
 * @param port of the responder, as the directory has it.
 * @param model what the responder is started for, and how: settings of it.
 */
export async function startProxyWorld(
  world: World,
  port: number,
  model: Readonly<Record<string, string>>,
): Promise<ProxyWorld> {
  const { ground } = world;
  const vault = await world.start('vault', asDeployed('vault', COUNTING));
  const responder = await world.start('responder', {
    ...asDeployed('responder', COUNTING),
    BULLA_VAULT_URL: vault.url,
    BULLA_RESPONDER_PORT: String(port),
    ...model,
  });
  await ready(responder.url);
  const folder = await mkdtemp(join(tmpdir(), 'bulla-bench-proxy-'));
  const asker = ground.askers[0] as TestMember;
  const { org, pin } = ground.organisation;
  const home = new Home(folder);
  await writeProfile(home, { vaultUrl: vault.url, org, pin });
  await home.write('identity.json', JSON.stringify(asker.keyFile));
  const bearer = `bench-${'0'.repeat(32)}`;
  const child = spawn(process.execPath, [program, 'proxy', '--listen', '127.0.0.1:0'], {
    env: environment({ NODE_OPTIONS: COUNTING, BULLA_HOME: folder, BULLA_PROXY_TOKEN: bearer }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const parts: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => parts.push(part));
  const output = () => Buffer.concat(parts).toString();
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'close');
    }
    await responder.stop();
    await rm(folder, { recursive: true, force: true });
  };
  let baseUrl: string | undefined;
  for (const last = performance.now() + READY_WITHIN_MS; baseUrl === undefined; await pause(50)) {
    baseUrl = /http:\/\/127\.0\.0\.1:\d+\/v1/.exec(output())?.[0];
    if (child.exitCode !== null || performance.now() > last) {
      await stop();
      throw new Error(`the proxy did not start:\n${output()}`);
    }
  }
  return { proxy: { child, output }, responder, vault, baseUrl, bearer, stop };
}

/** Settings of a responder that asks a scripted upstream. */
export function asking(model: Pick<FakeOpenai, 'url'>): Record<string, string> {
  return { BULLA_LLM: `openai:${model.url}`, BULLA_LLM_MODEL: 'm' };
}

/** How often a process has used private keys so far. */
export async function privateOperations({ child, output }: Watched): Promise<number> {
  const lines = () => output().match(/\{"event":"private-operations".*\}/g) ?? [];
  const before = lines().length;
  child.kill('SIGUSR2');
  for (const last = performance.now() + READY_WITHIN_MS; lines().length === before; await pause(10))
    if (performance.now() > last) throw new Error('a process does not say how often it used private keys');
  const { signatures, openings } = JSON.parse(lines().at(-1) ?? '') as { signatures: number; openings: number };
  return signatures + openings;
}
