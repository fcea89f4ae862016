import type {
  AuditBundle,
  AuditCheckpoints,
  AuditEntryPage,
  AuditErasure,
  AuditProofs,
  AuditRecord,
  AuditSetAside,
  AuditTile,
  Hash,
} from '@bulla/contract';
import { LogOrigin, Note, Problem, TILE_WIDTH } from '@bulla/contract';
import type { Bytes } from '@bulla/crypto';
import { encodeBase64url } from '@bulla/crypto';
import { makeConsistencyProof, makeInclusionProof, TREE_HASH_BYTES } from '@bulla/crypto/log';
import { Injectable } from '@nestjs/common';
import { Ledger } from '../audit/ledger.js';
import { ServiceKeys } from '../authentication/service-keys.js';
import type { Caller } from '../authentication/caller.js';
import { decodeCursor, encodeCursor } from '../paging/cursor.js';
import { pageOf } from '../paging/page.js';
import type { Answer } from '../route/answer.js';
import type { ParamsOf, QueryOf } from '../route/route.js';
import { AuditEntriesRepository } from './audit-entries.repository.js';
import type { EntryRow } from './audit-entries.repository.js';
import type { LogHead } from './log-head.js';
import { LogRepository } from './log.repository.js';
import { setUncheckableAside } from '../audit-rows/set-aside.js';
import { treeHashes } from './tree-hashes.js';
import { CosignaturesService } from '../witnesses/cosignatures.service.js';

/** Reads the logs of the caller's organisation. Who reads entries is written down as well. */
@Injectable()
export class AuditService {
  constructor(
    private readonly logs: LogRepository,
    private readonly entries: AuditEntriesRepository,
    private readonly ledger: Ledger,
    private readonly cosignatures: CosignaturesService,
    private readonly keys: ServiceKeys,
  ) {}

  /** A page of entries. @throws {Problem} not_found if there is no such log */
  async list(caller: Caller, query: QueryOf<'audit.list'>): Promise<Answer<AuditEntryPage>> {
    const { log: wanted, from, cursor, limit, ...filter } = query;
    const [after] = cursor === undefined ? [] : decodeCursor(cursor, ['number'], Number.MAX_SAFE_INTEGER);
    const { log } = await this.logOf(caller, wanted);
    const rows = await this.entries.page({ org: caller.org, log, from, after, limit: limit + 1 }, filter);
    const shown = rows.slice(0, limit);
    // Who only follows what they read themselves would never come to an end.
    if (shown.some(({ act }) => !act.startsWith('audit.')))
      await this.ledger.read(caller, { act: 'audit.list', obj: { items: shown.length } });
    return pageOf(rows, {
      limit,
      item: ({ index, at, leaf }: EntryRow) => ({ index, at, leaf }),
      cursorAfter: ({ index }) => encodeCursor([index]),
      request: caller.request,
    });
  }

  /** One entry. @throws {Problem} not_found */
  async get(caller: Caller, { index }: ParamsOf<'audit.get'>, query: QueryOf<'audit.get'>): Promise<AuditRecord> {
    const { log } = await this.logOf(caller, query.log);
    const [row] = await this.entries.range(caller.org, log, { first: index, count: 1 });
    if (row === undefined) throw await this.absent(caller, log, index);
    await this.ledger.read(caller, { act: 'audit.get', obj: { index } });
    return recordOf(row);
  }

  /** The entries of a tile. @throws {Problem} not_found if it is not there as wide as that */
  async bundle(
    caller: Caller,
    { index }: ParamsOf<'audit.bundle'>,
    { log: wanted, width }: QueryOf<'audit.bundle'>,
  ): Promise<AuditBundle> {
    const { log } = await this.logOf(caller, wanted);
    const rows = await this.entries.range(caller.org, log, { first: index * TILE_WIDTH, count: width });
    if (rows.length < width) throw await this.absent(caller, log, index * TILE_WIDTH);
    await this.ledger.read(caller, { act: 'audit.bundle', obj: { index, items: rows.length } });
    return { data: rows.map(recordOf) };
  }

  /** Erases what shows that the holder of a key asked, the oldest first. @throws {Problem} not_found if there is no such log */
  async erase(caller: Caller, { log: wanted, actor, until }: QueryOf<'audit.erase'>): Promise<Answer<AuditErasure>> {
    const { org } = caller;
    const { log, size } = await this.logOf(caller, wanted);
    return this.ledger.run(caller, async (trx) => {
      const erasure = await this.entries.erase(trx, { org, log, size, actor, until });
      const { erased: items, below } = erasure;
      return { body: erasure, event: { act: 'audit.erase', obj: { log, actor, below, items } }, status: 200 };
    });
  }

  /** Sets rows aside that nobody can check: they come into no log, and an entry has the hash of each. */
  async setAside(caller: Caller): Promise<Answer<AuditSetAside>> {
    return this.ledger.run(caller, async (trx) => {
      const { leaves, more } = await setUncheckableAside(trx, caller.org, this.keys.rows.ids);
      const items = leaves.length;
      return {
        body: { items, more },
        event: { act: 'audit.set-aside', obj: { items, leaves: leaves.map(textOf) } },
        status: 200,
      };
    });
  }

  /** The hashes of a tile. @throws {Problem} not_found if it is not there as wide as that */
  async tile(
    caller: Caller,
    { level, index: idx }: ParamsOf<'audit.tile'>,
    { log: wanted, width }: QueryOf<'audit.tile'>,
  ): Promise<AuditTile> {
    const { log } = await this.logOf(caller, wanted);
    const hashes = await this.logs.tile(caller.org, log, { level, idx });
    const bytes = width * TREE_HASH_BYTES;
    if (hashes === undefined || hashes.length < bytes) throw new Problem('not_found');
    return { hashes: encodeBase64url(hashes.slice(0, bytes)) };
  }

  /** The newest checkpoint of each log, and what witnesses cosigned. */
  async checkpoints({ org, trust }: Caller): Promise<AuditCheckpoints> {
    const logs = await this.logs.all(org);
    // What somebody put into the database keeps nobody from reading the rest.
    // guard: checkpoint-shape without: const shown = logs;
    const shown = logs.flatMap(({ checkpoint, ...log }) => {
      const one = { ...log, checkpoint: Note.safeParse(checkpoint).data ?? null };
      return LogOrigin.safeParse(log.origin).success ? [one] : [];
    });
    return { data: await this.cosignatures.shownOf(trust, shown) };
  }

  /** Proofs in the tree of some size. @throws {Problem} not_found if there is no such tree, or nothing like that in it */
  async prove(caller: Caller, query: QueryOf<'audit.prove'>): Promise<AuditProofs> {
    const { size, entry, older } = query;
    const head = await this.logOf(caller, query.log);
    if (size > head.size || (entry ?? 0) >= size || (older ?? 0) > size) throw new Problem('not_found');
    const read = treeHashes(this.logs, { ...head, size });
    const inclusion = entry === undefined ? undefined : await makeInclusionProof(entry, size, read);
    const consistency = older === undefined ? undefined : await makeConsistencyProof(older, size, read);
    return {
      ...(inclusion !== undefined && { inclusion: inclusion.map(textOf) }),
      ...(consistency !== undefined && { consistency: consistency.map(textOf) }),
    };
  }

  /** Why there is no such entry, or no such bundle. */
  private async absent({ org }: Caller, log: number, index: number): Promise<Problem> {
    const first = (await this.logs.all(org)).find((one) => one.log === log)?.first ?? 0;
    if (index >= first) return new Problem('not_found');
    const detail = `entries below ${first} of this log were kept long enough and are gone; their hashes are there`;
    return new Problem('not_found', { detail });
  }

  private async logOf({ org }: Caller, wanted: number | undefined): Promise<LogHead> {
    const head = wanted === undefined ? await this.logs.newest(org) : await this.logs.find(org, wanted);
    if (head === undefined) throw new Problem('not_found', { detail: 'there is no such log' });
    return head;
  }
}

/** A hash as answers spell it. */
function textOf(hash: Bytes): Hash {
  return encodeBase64url(hash) as Hash;
}

function recordOf({ index, at, leaf, evidence }: EntryRow): AuditRecord {
  return { index, at, leaf, evidence };
}
