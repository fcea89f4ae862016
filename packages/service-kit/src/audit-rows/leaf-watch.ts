import { encodeBase64url, equalBytes, sha256, utf8 } from '@bulla/crypto';
import type { CheckpointTrust, Frontier, TreeHead } from '@bulla/crypto/log';
import {
  EMPTY_FRONTIER,
  leafHash,
  makeInclusionProof,
  TILE_WIDTH,
  treeHeadOf,
  verifyCheckpoint,
  verifyInclusion,
} from '@bulla/crypto/log';
import type { Acknowledged, AcknowledgedLeaves } from '../audit/acknowledged-leaves.js';
import { leafName } from '../audit/acknowledged-leaves.js';
import type { LeavesRepository, LogTree } from './leaves.repository.js';
import { entryIn, leafText } from '../audit-log/entry-terms.js';
import { frontierAt } from '../audit-log/frontier-at.js';
import type { LogRepository } from '../audit-log/log.repository.js';
import type { RowAlarms } from './row-alarms.js';
import { followLeaves, treeHashes } from '../audit-log/tree-hashes.js';

/** Until then nobody looks where a decision is: nearly all are under a checkpoint by then. */
const PATIENCE_MS = 10_000;
/** Decisions that are looked for at once. */
const LOOKED_FOR_MAX = 1_000;
/** Entries of so long before the oldest decision that is kept are read again: its transaction took no longer. */
const MARGIN_SECONDS = 600;

export interface LeafWatchParts {
  readonly leaves: AcknowledgedLeaves;
  readonly logs: Pick<LogRepository, 'tile'>;
  readonly rows: LeavesRepository;
  /** What checkpoints of a log are verified by: its name, and the keys of this service. */
  readonly trustOf: (org: string, log: number) => Promise<CheckpointTrust>;
  readonly alarms: Pick<RowAlarms, 'missing'>;
  readonly nowMs?: () => number;
}

/** How far the logs of an organisation were read, and where leaves are due that were nowhere else. */
interface Place {
  log: number;
  frontier: Frontier;
  readonly due: Map<string, { readonly log: number; readonly size: number }>;
  /** Leaves for which it was all read anew. */
  readonly doubted: Set<string>;
}

/**
 * Looks for the decisions that this process told callers of: in trees that are signed, and, where they are in none yet, in
 * the outbox. One that has left the outbox is due in the log as large as it was then; once that is signed without it, it is
 * missing (docs/spec/audit-log.md#rows-before-the-log). Nothing that the database says makes it forget one: who takes a row
 * away can write there too that all was restored.
 */
export class LeafWatch {
  readonly #parts: LeafWatchParts;
  readonly #places = new Map<string, Place>();
  readonly #nowMs: () => number;

  constructor(parts: LeafWatchParts) {
    this.#parts = parts;
    this.#nowMs = parts.nowMs ?? (() => performance.now());
  }

  /** Looks once, at each organisation by itself. @throws what the first that failed threw */
  async look(): Promise<void> {
    const failures: unknown[] = [];
    for (const org of this.#parts.leaves.organisations) {
      try {
        await this.#lookAt(org);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  async #lookAt(org: string): Promise<void> {
    const { leaves, rows, alarms } = this.#parts;
    const trees = await rows.trees(org);
    const place = this.#places.get(org) ?? (await this.#begin(org, trees));
    this.#places.set(org, place);
    for (const tree of trees) if (tree.log >= place.log) await this.#follow(org, place, tree);
    const before = this.#nowMs() - PATIENCE_MS;
    const late = leaves.of(org).filter(({ sinceMs }) => sinceMs <= before);
    const nowhere = late.length === 0 ? [] : await this.#search(org, place, late.slice(0, LOOKED_FOR_MAX));
    // An answer of the database may have come so late that its leaf had been passed by then: all is read once more.
    // guard: leaf-read-anew without: const missing = nowhere.length;
    const missing = nowhere.filter((hash) => place.doubted.has(hash)).length;
    if (missing < nowhere.length) {
      const { log, frontier } = await this.#begin(org, trees);
      Object.assign(place, { log, frontier });
      for (const hash of nowhere) place.doubted.add(hash);
    }
    if (missing > 0) leaves.miss(org);
    alarms.missing(org, Math.max(missing, leaves.lateOf(org)));
    if (leaves.of(org).length === 0) this.#places.delete(org);
  }

  /** Where to begin to read: before the oldest decision that is kept. */
  async #begin(org: string, trees: readonly LogTree[]): Promise<Place> {
    const { leaves, logs, rows } = this.#parts;
    const oldestMs = leaves.of(org)[0]?.sinceMs ?? this.#nowMs();
    const seconds = (this.#nowMs() - oldestMs) / 1000 + MARGIN_SECONDS;
    let tree = trees.at(-1);
    let since: number | undefined;
    for (const one of trees) {
      since = (await rows.firstSince(org, one.log, seconds)).first;
      if (since === undefined) continue;
      tree = one;
      break;
    }
    const place: Place = { log: tree?.log ?? 1, frontier: EMPTY_FRONTIER, due: new Map(), doubted: new Set() };
    if (tree === undefined) return place;
    const first = Math.min(since ?? tree.signedSize, tree.signedSize);
    // What is signed shows later whether these hashes are the right ones.
    place.frontier = await frontierAt(first - (first % TILE_WIDTH), treeHashes(logs, { ...tree, org }));
    return place;
  }

  /** Reads what a log has more since it was read, if that leads to the root that is signed. */
  async #follow(org: string, place: Place, tree: LogTree): Promise<void> {
    const { leaves, logs, trustOf } = this.#parts;
    if (tree.checkpoint === null) return;
    const signed = verifyCheckpoint(utf8(tree.checkpoint), await trustOf(org, tree.log));
    // guard: leaf-watch-signed without: const head: TreeHead | undefined = tree; await signed.catch(() => undefined);
    const head: TreeHead | undefined = await signed.then(
      ({ checkpoint }) => checkpoint,
      () => undefined,
    );
    // Anybody who has the database may have put it there: what is followed is followed on.
    if (head === undefined) return;
    if (tree.log > place.log) {
      place.log = tree.log;
      place.frontier = EMPTY_FRONTIER;
    }
    const found: string[] = [];
    const frontier = await followLeaves(logs, { org, log: tree.log, size: head.size }, place.frontier, (hash) => {
      const name = leafName(hash);
      if (leaves.has(org, name)) found.push(name);
    });
    if (frontier === undefined) return;
    // guard: leaf-watch-root
    if (frontier.size !== head.size || !equalBytes((await treeHeadOf(frontier)).root, head.root)) return;
    place.frontier = frontier;
    leaves.settle(org, found);
  }

  /** Where decisions are that no checkpoint holds. @returns those that are nowhere. */
  async #search(org: string, place: Place, late: readonly Acknowledged[]): Promise<string[]> {
    const { leaves, rows } = this.#parts;
    // The one that is followed: any other number may have been put there.
    const { log } = place;
    const { waiting, setAside, size } = await rows.find(
      org,
      log,
      late.map(({ mac }) => mac),
    );
    const nowhere: string[] = [];
    for (const { hash, mac } of late) {
      const due = place.due.get(hash);
      if (setAside.has(mac)) {
        // guard: leaf-aside-said without: leaves.settle(org, [hash]);
        if (await this.#isSaidAside(org, place, { hash, mac })) leaves.settle(org, [hash]);
      } else if (waiting.has(mac)) place.due.delete(hash);
      else if (due === undefined || due.log !== log) place.due.set(hash, { log, size });
      else if (place.log === due.log && place.frontier.size >= due.size) nowhere.push(hash);
    }
    return nowhere;
  }

  /** Whether the signed log says that a row was set aside: the table alone is anybody's who has the database. */
  async #isSaidAside(org: string, place: Place, { hash, mac }: Pick<Acknowledged, 'hash' | 'mac'>): Promise<boolean> {
    const { logs, rows } = this.#parts;
    const leaf = await rows.leafAside(org, mac);
    if (leaf === undefined || leafName(await leafHash(leaf)) !== hash) return false;
    const name = encodeBase64url(await sha256(Uint8Array.from(leaf)));
    const head = await treeHeadOf(place.frontier);
    const read = treeHashes(logs, { org, log: place.log, size: head.size });
    for (const { idx, leaf: said } of await rows.saidAside(org, place.log)) {
      if (idx >= head.size || !names(said, name)) continue;
      const proof = await makeInclusionProof(idx, head.size, read);
      await verifyInclusion({ leaf: await leafHash(said), index: idx, head, proof });
      return true;
    }
    return false;
  }
}

function names(said: Uint8Array, leaf: string): boolean {
  const entry = entryIn(leafText(said));
  return entry?.act === 'audit.set-aside' && entry.res === 'ok' && entry.obj.leaves.includes(leaf);
}
