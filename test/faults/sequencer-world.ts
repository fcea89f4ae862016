import type { TreeHead } from '@bulla/crypto/log';
import { makeOrganisation } from '@bulla/crypto/testing';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { mintId } from '@bulla/crypto';
import { freePorts } from '@bulla/testkit';
import { expect } from '@jest/globals';
import { sealVersion, tagOf } from '../../services/vault/test/authoring.js';
import { Decider } from './decider.js';
import type { LogEntry } from './log-verified.js';
import { headOf, logKeyOf, marksIn, verifiedEntries } from './log-verified.js';
import type { ServiceProcess } from './service-process.js';
import { startService } from './service-process.js';
import { call } from './signed-requests.js';
import { SequencerWatch } from './sequencer-watch.js';
import { bring, vaultSettings } from './vault-world.js';

/** A vault that can be killed, and comes back under its own name and address. */
export interface Replica {
  /** On its connections. */
  readonly name: string;
  process: ServiceProcess;
  start(): Promise<void>;
}

/** Two vaults on one database and with one folder of marks, that are asked to decide; the log of one organisation. */
export interface SequencerWorld {
  readonly organisation: TestOrganisation;
  readonly replicas: readonly [Replica, Replica];
  readonly watch: SequencerWatch;
  /** What either has signed, as it is put down: the first of all, and the newest. */
  marks(): Promise<TreeHead[]>;
  /** Clients at work, until told to stop. */
  decide(urls?: readonly string[]): Deciding;
  /**
   * Holds what the log must hold once all have stopped: all that was told is there once and in its order, every index
   * once, nothing waits, nothing took effect that it does not tell, and it begins with every head that was ever seen.
   * @returns how much there was
   */
  expectWhole(deciders: readonly Decider[], marks: readonly TreeHead[]): Promise<{ entries: number; heads: number }>;
  stop(): Promise<void>;
}

export interface Deciding {
  readonly deciders: readonly Decider[];
  stop(): Promise<void>;
}

const DECIDERS = 6;
const NAMES = ['first', 'second'] as const;

/** @param more settings of one of them */
export async function startSequencers(
  databaseUrl: string,
  more: { readonly first?: Readonly<Record<string, string>> } = {},
): Promise<SequencerWorld> {
  const organisation = await makeOrganisation();
  const { org } = organisation;
  const { settings, marks: marksFolder, ...keys } = await vaultSettings(organisation, databaseUrl);
  const ports = await freePorts(2);
  const replicaOf = async (name: (typeof NAMES)[number], index: number): Promise<Replica> => {
    const named = `${databaseUrl}${databaseUrl.includes('?') ? '&' : '?'}application_name=${name}`;
    const own = { BULLA_DATABASE_URL: named, BULLA_VAULT_PORT: String(ports[index]) };
    const start = () => startService('vault', { ...settings, ...own, ...(name === 'first' && more.first) });
    const replica = { name, process: await start() };
    return Object.assign(replica, {
      async start() {
        replica.process = await start();
      },
    });
  };
  const [first, second] = await Promise.all([replicaOf(NAMES[0], 0), replicaOf(NAMES[1], 1)]);
  const replicas = [first, second] as const;
  const urls = replicas.map(({ process }) => process.url);
  await bring(second.process.url, organisation);
  const prompt = await publish(second.process.url, organisation);
  const watch = await SequencerWatch.begin(databaseUrl, org);
  const key = await logKeyOf(organisation.pin, organisation.vault.keyFile);
  const marks = () => marksIn(marksFolder, org);
  return {
    organisation,
    replicas,
    watch,
    marks,
    decide(among = urls) {
      const deciders = Array.from({ length: DECIDERS }, () => new Decider(among, organisation, prompt));
      const deciding = Promise.all(deciders.map((decider) => decider.decideOn()));
      // Whoever stops them is told.
      deciding.catch(() => {});
      return {
        deciders,
        async stop() {
          for (const decider of deciders) decider.stop();
          await deciding;
        },
      };
    },
    async expectWhole(deciders, seenMarks) {
      await watch.untilWritten();
      expect(watch.faults).toEqual([]);
      await expectIndexes(watch, org);
      const seen = await Promise.all([...watch.checkpoints].map((note) => headOf(note, key)));
      const heads = [...seen, ...seenMarks, ...(await marks())];
      let entries: readonly LogEntry[] = [];
      for (const { process } of replicas)
        entries = await verifiedEntries({ url: process.url, key, reader: organisation.auditor }, heads);
      expectOnce(entries, deciders);
      await expectEffects(watch, entries);
      return { entries: entries.length, heads: heads.length };
    },
    async stop() {
      for (const { process } of replicas) await process.stop('SIGKILL');
      await watch.end();
      await keys.remove();
    },
  };
}

/** A prompt for whose newest version envelopes are issued. @returns its id */
async function publish(url: string, organisation: TestOrganisation): Promise<string> {
  const { author } = organisation;
  const prompt = { id: mintId('prm'), name: 'log/published' };
  const { content, grants, chash } = await sealVersion(organisation, author, prompt, 1);
  const tag = await tagOf(organisation, author, prompt, { tag: 'latest', ver: 1, chash, seq: 1 });
  const body = { content, grants, prompt: { name: prompt.name, type: 'text' }, tags: [tag] };
  const headers = { 'if-match': '"0"' };
  const { status, text } = await call(url, author, 'POST', `/api/v1/prompts/${prompt.id}/versions`, { body, headers });
  if (status !== 201) throw new Error(`the prompt was not published: ${status} ${text}`);
  return prompt.id;
}

/** Every index below the size once, and no other. */
async function expectIndexes(watch: SequencerWatch, org: string): Promise<void> {
  const [found] = await watch.rows(`
    select count(*)::int - max(l.size)::int as missing, count(distinct idx)::int - count(*)::int as doubled,
      min(idx)::int as least, max(idx)::int + 1 - max(l.size)::int as beyond
    from vault.audit_entry e join vault.audit_log l using (org, log) where org = '${org}'`);
  expect(found).toEqual({ missing: 0, doubled: 0, least: 0, beyond: 0 });
}

/** What was told is there once and as it was told, in the order in which each was told; what was not told, not twice. */
function expectOnce(entries: readonly LogEntry[], deciders: readonly Decider[]): void {
  expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length);
  for (const { told, tried } of deciders) {
    expect(told.length).toBeGreaterThan(0);
    const own = entries.filter(({ rid }) => tried.has(rid ?? ''));
    expect(new Set(own.map(({ rid }) => rid)).size).toBe(own.length);
    const wanted = new Set(told.map(({ rid }) => rid));
    const found = own.filter(({ rid }) => wanted.has(rid ?? ''));
    expect(found.map(({ rid, act, res }) => ({ rid, act, res }))).toEqual(told);
  }
}

/** Nothing took effect that the log does not tell. */
async function expectEffects(watch: SequencerWatch, entries: readonly LogEntry[]): Promise<void> {
  const effects = await watch.rows<{ id: string }>(
    'select id from vault.prompt union all select jti from vault.envelope',
  );
  const ok = entries.filter(({ res }) => res === 'ok');
  const told = new Set(ok.flatMap(({ obj }) => [obj['prompt'], obj['envelope']]));
  expect(effects.map(({ id }) => id).filter((id) => !told.has(id))).toEqual([]);
}
