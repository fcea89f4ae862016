import type { AuditBundle } from '@bulla/contract';
import { BROUGHT_ABOUT, ROUTES, routeOf } from '@bulla/contract';
import type { AuditAct, AuditLeaf, RouteName } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { utf8 } from '@bulla/crypto';
import { encodeEntryBundle, parseTilePath, pinInOrigin } from '@bulla/crypto/log';
import type { SignedClient } from '@bulla/service-kit/testing';
import type { LogVerdict } from '../../packages/client/src/audit/audit-verdict.js';
import { judgeLog } from '../../packages/client/src/audit/judged-log.js';
import type { EntryEvidence, LogSource } from '../../packages/client/src/audit/log-source.js';
import { RequestMemory } from '../../packages/client/src/audit/evidence/request-memory.js';
import { readLog } from '../../packages/service-kit/test/log-reader.js';

/** A log as its service serves it to those who may read it, and what was found of it. */
export interface JudgedLog {
  readonly verdict: LogVerdict;
  /** What brought each entry about that fits: `prompt.create < version.create`, `log.begin < service`. */
  readonly pairs: ReadonlySet<string>;
}

interface ServedBy {
  readonly urn: string;
  readonly org: string;
  readonly trusts: readonly [Trust, ...Trust[]];
  readonly now?: number;
}

/** Every pair that {@link BROUGHT_ABOUT} has, as {@link JudgedLog} spells them. */
export function everyPair(): string[] {
  return Object.entries(BROUGHT_ABOUT).flatMap(([act, { routes, ...more }]) => {
    const unasked: readonly string[] = 'unasked' in more ? more.unasked : [];
    const asked = (Object.keys(routes) as RouteName[]).flatMap((name) => {
      const route = ROUTES[name];
      if ('permission' in route) return [name];
      // What nobody signs a request for is known by its actor.
      if ('credential' in route) return [route.credential === 'bootstrap' ? route.credential : name];
      return [];
    });
    return [...asked, ...unasked].map((by) => `${act} < ${by}`);
  });
}

/**
 * Verifies the first log of a service as `bulla audit verify` does.
 * @param now seconds, by the clock of who verifies: the present unless given.
 */
export async function judgeServed(
  client: SignedClient,
  { urn, org, trusts, now = Math.floor(Date.now() / 1000) }: ServedBy,
): Promise<JudgedLog> {
  const log = new ServedLog(client);
  const leaves: [number, AuditLeaf][] = [];
  const onLeaf = (index: number, leaf: AuditLeaf) => void leaves.push([index, leaf]);
  const name = { urn, number: 1, pin: pinInOrigin(trusts[0].pin) };
  const verdict = await judgeLog({ name, source: log, org, trusts, requests: new RequestMemory(), now, onLeaf });
  const bad = new Set(verdict.misfits.map(({ index }) => index));
  const pairs = leaves.flatMap(([index, leaf]) => (bad.has(index) ? [] : pairOf(leaf, log.all.get(index))));
  return { verdict, pairs: new Set(pairs) };
}

function pairOf(leaf: AuditLeaf, evidence: EntryEvidence | undefined): string[] {
  if (leaf.act === 'request.refuse') return [];
  const { act, who } = leaf;
  if (!('kid' in who)) return [`${act} < ${who.type}`];
  // An end of a run has the evidence of its beginning.
  if (act === 'invocation.finish') return [`${act} < invocation.run`];
  const [method = '', path = ''] = [/^"@method": (\S+)$/m, /^"@path": (\S+)$/m].map(
    (line) => line.exec(evidence?.base ?? '')?.[1],
  );
  const route = routeOf(method, path)?.name;
  return route === undefined ? [] : [`${act as AuditAct} < ${route}`];
}

/** Reads by the routes of the service, each file once, so that what is written meanwhile does not matter. */
class ServedLog implements LogSource {
  readonly all = new Map<number, EntryEvidence>();
  readonly #client: SignedClient;
  readonly #files = new Map<string, ReturnType<LogSource['read']>>();
  readonly #byTile = new Map<number, Map<number, EntryEvidence>>();

  constructor(client: SignedClient) {
    this.#client = client;
  }

  readonly read: LogSource['read'] = (path) => {
    const file = this.#files.get(path) ?? this.#read(path);
    this.#files.set(path, file);
    return file;
  };

  readonly evidence: LogSource['evidence'] = (tile) => Promise.resolve(this.#byTile.get(tile) ?? new Map());

  async #read(path: string): ReturnType<LogSource['read']> {
    if (!path.startsWith('tile/entries/')) return readLog(this.#client, 1)(path);
    const { index, width } = parseTilePath(path);
    const { status, body } = await this.#client.get(`/api/v1/audit/bundles/${index}?width=${width}&log=1`);
    if (status !== 200) return undefined;
    const { data } = body as AuditBundle;
    const ofTile = new Map(
      data.flatMap((record) => (record.evidence === null ? [] : [[record.index, record.evidence] as const])),
    );
    this.#byTile.set(index, ofTile);
    for (const [at, evidence] of ofTile) this.all.set(at, evidence);
    return encodeEntryBundle(data.map(({ leaf }) => utf8(leaf)));
  }
}
