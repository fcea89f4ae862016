import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Bulla, identityOf } from '@bulla/client';
import { tokenHash, urnOf } from '@bulla/crypto';
import { makeOrganisation } from '@bulla/crypto/testing';
import { setUpMarkFolder } from '@bulla/service-kit/testing';
import { databaseForTest, startTestPostgres } from '@bulla/testkit';
import { ask, openReply, type SealedReply, type TestMember } from '../services/responder/test/asking.js';
import { type ServiceProcess, startService } from '../test/faults/service-process.js';
import { call } from '../test/faults/signed-requests.js';
import { bring, vaultSettings } from '../test/faults/vault-world.js';
import type { Ground } from './requests.js';

const NAME = 'load/triage';
const ASKERS = 16;
const READY_WITHIN_MS = 30_000;

/** Limits of callers would refuse first; what is measured is what protects all of them from each other. */
export const NO_CALLER_IS_LIMITED = {
  BULLA_LIMIT_KEY_PER_SECOND: '1000000',
  BULLA_LIMIT_ORG_PER_SECOND: '1000000',
} as const;

export type ServiceName = 'vault' | 'responder';

const UV_THREADPOOL_SIZE = String(availableParallelism());

/** What the images set: memory that is freed is overwritten only where prompts are open. */
const IMAGE_SETTINGS = {
  vault: { NODE_OPTIONS: '--max-semi-space-size=32', UV_THREADPOOL_SIZE },
  responder: {
    NODE_OPTIONS: '--max-semi-space-size=16',
    UV_THREADPOOL_SIZE,
    GLIBC_TUNABLES: 'glibc.malloc.perturb=85:glibc.malloc.tcache_count=0',
  },
} as const;

/** The heap that V8 allows itself where it sees 512 MiB, which is what compose.yaml gives a service. */
const IN_512_MIB = '--max-old-space-size=256';

/** What a service is started with: as its image and compose.yaml have it. @param options more of them, of Node */
export function asDeployed(name: ServiceName, options = ''): Readonly<Record<string, string>> {
  const { NODE_OPTIONS, ...others } = IMAGE_SETTINGS[name];
  return { ...others, NODE_OPTIONS: `${NODE_OPTIONS} ${IN_512_MIB} ${options}`.trim() };
}

/** A vault and a responder in processes of their own on one database of their own. */
export interface World {
  readonly vault: ServiceProcess;
  readonly responder: ServiceProcess;
  readonly ground: Ground;
  readonly databaseUrl: string;
  /** Which server that is. */
  readonly databaseFrom: string;
  /** Starts one more process of a service, with the settings of the one that runs and others; it ends with the world. */
  start(name: ServiceName, more: Readonly<Record<string, string>>): Promise<ServiceProcess>;
  stop(): Promise<void>;
}

/**
 * Starts everything and runs the prompt once, with the answer opened and its signature verified.
 * @param more settings of both services.
 * @param made the organisation; one that nothing is special about unless given
 */
export async function startWorld(more: Readonly<Record<string, string>>, made?: Organisation): Promise<World> {
  const undo: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    // What is acknowledged is on the disk, as in production.
    const startOwn = () => startTestPostgres({ settings: { fsync: 'on' } });
    const database = await databaseForTest({ startOwn });
    undo.push(() => database.drop());
    if (database.url === undefined) throw new Error('there is no PostgreSQL: none answers, none is installed');
    const organisation = made ?? (await makeOrganisation());
    const askers = await addAskers(organisation);
    const settings = await vaultSettings(organisation, database.url);
    undo.push(() => settings.remove());
    const both = { ...NO_CALLER_IS_LIMITED, ...more, BULLA_DATABASE_URL: database.url };
    const settingsOf: Record<ServiceName, Record<string, string>> = {
      vault: { ...asDeployed('vault'), ...settings.settings, ...both },
      responder: { ...asDeployed('responder'), ...both },
    };
    const start = async (name: ServiceName, others: Readonly<Record<string, string>> = {}) => {
      const service = await startService(name, { ...settingsOf[name], ...others });
      undo.push(() => service.stop());
      return service;
    };
    const vault = await start('vault');
    await bring(vault.url, organisation);
    const folder = await mkdtemp(join(tmpdir(), 'bulla-bench-'));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    const keys = join(folder, 'responder.keys.json');
    await writeFile(keys, JSON.stringify(organisation.responders[0].keyFile), { mode: 0o600 });
    setUpMarkFolder(`${keys}.audit-marks`, organisation.responders[0].keyFile);
    settingsOf.responder = {
      ...settingsOf.responder,
      BULLA_VAULT_URL: vault.url,
      BULLA_PIN: organisation.pin,
      BULLA_KEYS_FILE: keys,
      BULLA_LIMIT_RUNS_PER_KEY: '100000',
      BULLA_LIMIT_RUNS_PER_ORG: '100000',
      // A model of its own would take from the machine what is to be measured.
      BULLA_LLM: 'builtin:echo',
    };
    const responder = await start('responder');
    await ready(responder.url);
    const ground = await storePrompt(vault.url, organisation, askers);
    await runOnce(responder.url, ground);
    return { vault, responder, ground, databaseUrl: database.url, databaseFrom: database.reason, start, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Organisation = Ground['organisation'];

/** Lets devices in that may run the prompt of the ground. */
export async function addAskers(organisation: Organisation): Promise<TestMember[]> {
  const rights = { roles: ['invoker' as const], groups: ['grp:support'] };
  const askers = await Promise.all(
    Array.from({ length: ASKERS }, (_, n) => organisation.makeDevice(`asker-${n}`, rights)),
  );
  await organisation.publish((draft) => {
    for (const { urn, entity } of askers) draft.entities[urn] = entity;
  });
  return askers;
}

/**
 * Stores a prompt as its author does.
 * @returns what the vault hands out for it
 */
export async function storePrompt(
  url: string,
  organisation: Organisation,
  askers: readonly TestMember[],
  name: string = NAME,
): Promise<Ground> {
  const client = await connect(url, organisation);
  const content = {
    messages: [
      { role: 'system' as const, content: 'Decide about claims by the rules of the house. '.repeat(20) },
      { role: 'user' as const, content: 'The claim: {{claim}}' },
    ],
    vars: { claim: { type: 'string' as const, max: 1000 } },
    model: { name: 'default' },
  };
  const { id, chash, version: ver } = await client.prompts.push(name, 'text', { content, acceptsMessages: false });
  await client.close();
  const body = { prompt: id, label: 'latest', aud: organisation.responders[0].urn };
  const { status, body: answer } = await call(url, askers[0] as TestMember, 'POST', '/api/v1/envelopes', { body });
  if (status !== 201) throw new Error(`the vault issued no envelope: ${status}`);
  const bundle = answer as { grant: string; content: string; tags: string[] };
  const whash = await tokenHash(bundle.grant);
  const sub = urnOf(organisation.org, 'prompt', id);
  const prompt = { id, sub, name, ver, chash, content: bundle.content, grant: bundle.grant, whash };
  return { organisation, askers, prompt, tags: bundle.tags };
}

async function connect(url: string, { owner, pin }: Organisation): Promise<Bulla> {
  return Bulla.connect({ url, identity: await identityOf(owner.keyFile), pin });
}

/**
 * Runs the prompt of the ground at a responder, opens the answer and verifies its end.
 * @throws {Error} when it is not answered as an asker must be
 */
export async function runOnce(url: string, { organisation, askers, prompt, tags }: Ground): Promise<void> {
  const asker = askers[0] as TestMember;
  const now = Math.floor(Date.now() / 1000);
  const asked = await ask(organisation, prompt, {
    asker,
    now,
    envelope: { cnf: { jkt: asker.sig.kid } },
    bundle: { tags: [...tags] },
  });
  const { status, body } = await call(url, asker, 'POST', '/api/v1/invocations', { body: asked.body });
  if (status !== 200) throw new Error(`the run was refused: ${status} ${JSON.stringify(body)}`);
  const { fin } = await openReply(organisation, asked, body as SealedReply, Math.floor(Date.now() / 1000));
  if (fin.finish !== 'stop') throw new Error(`the run ended with ${fin.finish}`);
}

export async function ready(url: string): Promise<void> {
  for (const last = performance.now() + READY_WITHIN_MS; ; await pause(100)) {
    if ((await fetch(`${url}/health/ready`)).status === 200) return;
    if (performance.now() > last) throw new Error('the responder was not ready in time');
  }
}
