import { encodeLeaf } from '@bulla/contract';
import { mintId, utf8 } from '@bulla/crypto';
import { EMPTY_FRONTIER, encodeFrontier, leafHash, signCheckpoint } from '@bulla/crypto/log';
import { growTree } from '../../packages/service-kit/src/audit-log/growth.js';
import type { Row, Snapshot, TableName } from './memory-tables.js';
import { TABLES } from './memory-tables.js';
import type { World } from './world.js';
import { ORGS, originIn } from './world.js';

type Random = () => number;

/** Somebody who may do anything in the database, and keeps all that was ever in it. */
export class Attacker {
  readonly #world: World;
  readonly #random: Random;
  readonly #seen: Snapshot[] = [];
  #forged = 0;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** Copies the database. */
  look(): void {
    this.#seen.push(this.#world.tables.copy());
  }

  /** @param endedKeys whether this one has the keys of numbers that have ended too. @returns what was done */
  async attack(endedKeys: boolean): Promise<string> {
    this.look();
    const acts: readonly (() => string | Promise<string>)[] = [
      () => this.#insertRow(),
      () => this.#changeRow(),
      () => this.#deleteRow(),
      () => this.#replayRow(),
      () => this.#forgeTree(),
      () => this.#putBack(),
      () => this.#deleteLog(),
      () => this.#oldNote(),
      () => this.#plantNext(),
      () => this.#changeName(),
      () => this.#dropBeside(),
      () => this.#plantCosignature(),
    ];
    const withKeys = [...acts, () => this.#signEnded(), () => this.#signEnded(), () => this.#signCurrent()];
    return this.#one(endedKeys ? withKeys : acts)();
  }

  #one<Item>(items: readonly Item[]): Item {
    const item = items[Math.floor(this.#random() * items.length)];
    if (item === undefined) throw new Error('nothing to choose from');
    return item;
  }

  #org(): string {
    return this.#one(ORGS);
  }

  #row(table: TableName, org?: string): Row | undefined {
    const rows = this.#world.tables.of(table).filter((row) => org === undefined || row['org'] === org);
    return rows.length === 0 ? undefined : this.#one(rows);
  }

  /** A leaf that nobody decided. */
  #leaf(org: string): Uint8Array {
    const nowMs = this.#world.clock.nowMs();
    const stamp = { id: mintId('aud', nowMs), t: new Date(nowMs).toISOString(), org };
    const event = { v: 1, act: 'request.refuse', res: 'denied', why: 'forbidden', obj: { count: ++this.#forged } };
    return utf8(encodeLeaf(stamp, event as never));
  }

  /** What stands beside some row that was seen: the most that can be had without the secret. */
  #mac(): Row {
    const { tables } = this.#world;
    const all = [...tables.of('audit_outbox'), ...tables.of('audit_unsigned'), ...this.#seenRows('audit_outbox')];
    if (all.length === 0 || this.#random() < 0.2) {
      const [newest] = this.#world.keyFile.rows;
      return { secret_id: this.#random() < 0.5 ? newest?.id : 'AAAAAAAAAAA', mac: new Uint8Array(32) };
    }
    const { secret_id, mac } = this.#one(all);
    return { secret_id, mac };
  }

  #seenRows(table: TableName): Row[] {
    return this.#seen.flatMap((snapshot) => snapshot[table]);
  }

  #insertRow(): string {
    const org = this.#org();
    this.#world.tables.insert('audit_outbox', { org, leaf: this.#leaf(org), evidence: null, ...this.#mac() });
    return `a row is put into the outbox of ${org}`;
  }

  #changeRow(): string {
    const row = this.#row('audit_outbox');
    if (row === undefined) return 'no row to change';
    const org = this.#random() < 0.3 ? this.#org() : row['org'];
    const leaf = this.#random() < 0.7 ? this.#leaf(String(org)) : row['leaf'];
    this.#world.tables.update(
      'audit_outbox',
      (one) => one === row,
      () => ({ org, leaf }),
    );
    return `a row of the outbox of ${String(row['org'])} is changed`;
  }

  #deleteRow(): string {
    const row = this.#row('audit_outbox');
    this.#world.tables.delete('audit_outbox', (one) => one === row);
    return 'a row of the outbox is deleted';
  }

  #replayRow(): string {
    const seen = this.#seenRows('audit_outbox');
    if (seen.length === 0) return 'no row to bring again';
    const { org, at, leaf, evidence, secret_id, mac } = this.#one(seen);
    const to = this.#random() < 0.3 ? this.#org() : org;
    this.#world.tables.insert('audit_outbox', { org: to, at, leaf, evidence, secret_id, mac });
    return `a row of ${String(org)} is brought again, to ${String(to)}`;
  }

  /** A tree with one leaf more, or another, in the place of the log's. */
  async #forgeTree(): Promise<string> {
    const org = this.#org();
    const log = this.#row('audit_log', org);
    if (log === undefined) return 'no log to forge';
    const leaves = this.#leavesOf(org, log['log']);
    const at = Math.floor(this.#random() * (leaves.length + 1));
    leaves[at] = this.#leaf(org);
    if (this.#random() < 0.3) leaves.length = at + 1;
    await this.#write(org, Number(log['log']), leaves, log);
    return `entry ${at} of log ${String(log['log'])} of ${org} is forged, and its tree`;
  }

  #leavesOf(org: string, log: unknown): Uint8Array[] {
    const rows = this.#world.tables.of('audit_entry').filter((row) => row['org'] === org && row['log'] === log);
    return rows
      .toSorted((one, other) => Number(one['idx']) - Number(other['idx']))
      .map(({ leaf }) => leaf as Uint8Array);
  }

  async #write(org: string, log: number, leaves: readonly Uint8Array[], head: Row): Promise<void> {
    const { tables } = this.#world;
    const beside = tables.of('audit_unsigned').filter((row) => row['org'] === org && row['log'] === log);
    for (const table of ['audit_log', 'audit_tile', 'audit_entry', 'audit_unsigned'] as const)
      tables.delete(table, (row) => row['org'] === org && row['log'] === log);
    const { head: tree, frontier, tiles } = await growTree(EMPTY_FRONTIER, await Promise.all(leaves.map(leafHash)));
    tables.insert('audit_log', { ...head, org, log, ...tree, frontier: encodeFrontier(frontier) });
    for (const tile of tiles) tables.insert('audit_tile', { org, log, ...tile });
    const terms = {
      at: new Date(tables.now()),
      evidence: null,
      act: 'request.refuse',
      res: 'denied',
      kid: null,
      objects: [],
    };
    for (const [idx, leaf] of leaves.entries()) {
      tables.insert('audit_entry', { org, log, idx, leaf, ...terms });
      const own = beside.find((row) => row['idx'] === idx);
      const mac = own ?? this.#mac();
      if (idx >= Number(head['checkpoint_size']))
        tables.insert('audit_unsigned', { org, log, idx, secret_id: mac['secret_id'], mac: mac['mac'] });
    }
  }

  /** Some tables of an organisation go back to what they were. */
  #putBack(): string {
    const [org, snapshot] = [this.#org(), this.#one(this.#seen)];
    const isAll = this.#random() < 0.5;
    for (const table of TABLES) if (isAll || this.#random() < 0.4) this.#replace(table, org, snapshot[table]);
    return `tables of ${org} go back${isAll ? ', all of them' : ''}`;
  }

  #replace(table: TableName, org: string, rows: readonly Row[]): void {
    const { tables } = this.#world;
    tables.delete(table, (row) => row['org'] === org);
    for (const row of rows) if (row['org'] === org) tables.insert(table, row);
  }

  #deleteLog(): string {
    const log = this.#row('audit_log');
    if (log === undefined) return 'no log to delete';
    const all = this.#random() < 0.7;
    for (const table of ['audit_log', 'audit_tile', 'audit_entry', 'audit_unsigned', 'audit_cosignature'] as const)
      if (all || this.#random() < 0.5)
        this.#world.tables.delete(table, (row) => row['org'] === log['org'] && row['log'] === log['log']);
    return `log ${String(log['log'])} of ${String(log['org'])} is deleted`;
  }

  #oldNote(): string {
    const log = this.#row('audit_log');
    const seen = this.#seenRows('audit_log').filter(({ checkpoint }) => checkpoint !== null);
    if (log === undefined || seen.length === 0) return 'no note to show';
    const isOwn = this.#random() < 0.7;
    const fit = seen.filter((one) => one['org'] === log['org'] && one['log'] === log['log']);
    const { checkpoint, checkpoint_size } = this.#one(isOwn && fit.length > 0 ? fit : seen);
    const size = this.#random() < 0.5 ? log['size'] : checkpoint_size;
    this.#world.tables.update(
      'audit_log',
      (one) => one === log,
      () => ({ checkpoint, checkpoint_size: size }),
    );
    return `log ${String(log['log'])} of ${String(log['org'])} shows another note`;
  }

  /** Entries stand under the next number, before it begins. */
  async #plantNext(): Promise<string> {
    const org = this.#org();
    const log = this.#row('audit_log', org);
    if (log === undefined) return 'no log to plant';
    const number = Math.max(...this.#world.keyFile.logs, Number(log['log'])) + 1;
    const leaves = this.#random() < 0.5 ? this.#leavesOf(org, log['log']) : [this.#leaf(org), this.#leaf(org)];
    if (leaves.length === 0) return 'no entries to plant';
    const head = { ...log, origin: originIn(org, number), checkpoint: null, checkpoint_size: 0 };
    await this.#write(org, number, leaves, head);
    return `entries are put under number ${number} of ${org}`;
  }

  #changeName(): string {
    const log = this.#row('audit_log');
    const origin = originIn(this.#org(), 1 + Math.floor(this.#random() * 3));
    this.#world.tables.update(
      'audit_log',
      (one) => one === log,
      () => ({ origin }),
    );
    return `a log is called ${origin}`;
  }

  #dropBeside(): string {
    const row = this.#row('audit_unsigned');
    this.#world.tables.delete('audit_unsigned', (one) => one === row);
    return 'what stands beside an entry is deleted';
  }

  #plantCosignature(): string {
    const [org, log] = [this.#org(), 1 + Math.floor(this.#random() * 3)];
    const seen = [...this.#seenRows('audit_cosignature'), ...this.#seenRows('audit_log')];
    const notes = seen.filter(({ checkpoint }) => typeof checkpoint === 'string');
    if (notes.length === 0) return 'no note to plant';
    const { checkpoint, size } = this.#one(notes);
    this.#world.tables.delete('audit_cosignature', (row) => row['org'] === org && row['log'] === log);
    this.#world.tables.insert('audit_cosignature', { org, log, witness: 'w1', size, checkpoint });
    return `a note is put among the cosignatures of log ${log} of ${org}`;
  }

  /** An ended log, longer or other than it was, signed by its own key. */
  async #signEnded(): Promise<string> {
    const org = this.#org();
    const newest = Math.max(...this.#world.listed(org));
    const ended = this.#world.keyFile.logs.filter((log) => log < newest);
    if (ended.length === 0) return 'no key has ended';
    const log = this.#one(ended);
    const leaves = this.#leavesOf(org, log);
    const at = Math.floor(this.#random() * (leaves.length + 1));
    leaves[at] = this.#leaf(org);
    if (this.#random() < 0.3) leaves.length = at + 1;
    await this.#signed(org, log, log, leaves);
    return `log ${log} of ${org}, which has ended, is signed with entry ${at} forged`;
  }

  /** The log that grows, signed by a key that has ended. */
  async #signCurrent(): Promise<string> {
    const org = this.#org();
    const newest = Math.max(...this.#world.listed(org));
    const ended = this.#world.keyFile.logs.filter((log) => log < newest);
    if (ended.length === 0) return 'no key has ended';
    const leaves = [...this.#leavesOf(org, newest), this.#leaf(org)];
    await this.#signed(org, newest, this.#one(ended), leaves);
    return `log ${newest} of ${org} is signed with a forged entry, by a key that has ended`;
  }

  async #signed(org: string, log: number, key: number, leaves: readonly Uint8Array[]): Promise<void> {
    const origin = originIn(org, log);
    const { head } = await growTree(EMPTY_FRONTIER, await Promise.all(leaves.map(leafHash)));
    const note = await signCheckpoint(origin, head, [await this.#world.keys.noteSigner(key, origin)]);
    await this.#write(org, log, leaves, { origin, checkpoint: note, checkpoint_size: leaves.length });
  }
}
