import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keyFileSchema, loadSigner, privateJwkOf, utf8 } from '@bulla/crypto';
import {
  appendLeaf,
  EMPTY_FRONTIER,
  encodeFrontier,
  leafHash,
  noteKeyOf,
  parseOrigin,
  treeHeadOf,
} from '@bulla/crypto/log';
import { makeTiledLog } from '@bulla/crypto/testing';
import pg from 'pg';

/** Puts things back as they were. */
type Undo = () => Promise<void>;

/** In an order in which each may name those before it. */
const TABLES = ['audit_log', 'audit_tile', 'audit_entry'];
/** The lock of what writes the log. */
const SEQUENCER = 'vault audit-sequencer';

/** What somebody with the database, and with the key of the vault, can do to its log; each is taken back. */
export class LogTampering {
  readonly #client: pg.Client;
  readonly #home: string;

  private constructor(client: pg.Client, home: string) {
    this.#client = client;
    this.#home = home;
  }

  static async connect(url: string, home: string): Promise<LogTampering> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return new LogTampering(client, home);
  }

  end(): Promise<void> {
    return this.#client.end();
  }

  async edit(): Promise<Undo> {
    return this.#changing(
      `UPDATE vault.audit_entry SET leaf = overlay(leaf placing '\\x39' from 6 for 1) WHERE idx = 3`,
    );
  }

  /** Every permission is of another version. */
  async editPermissions(): Promise<Undo> {
    return this.#changing(
      `UPDATE vault.audit_entry SET leaf = convert_to(replace(convert_from(leaf, 'UTF8'), '"version":1', '"version":7'), 'UTF8')
        WHERE convert_from(leaf, 'UTF8') LIKE '%"envelope.issue"%'`,
    );
  }

  async remove(): Promise<Undo> {
    return this.#changing('DELETE FROM vault.audit_entry WHERE idx = 3');
  }

  async swap(): Promise<Undo> {
    return this.#changing(
      `UPDATE vault.audit_entry e SET leaf = o.leaf FROM vault.audit_entry o WHERE e.idx IN (3, 4) AND o.idx = 7 - e.idx`,
    );
  }

  async cutTail(): Promise<Undo> {
    return this.#changing('DELETE FROM vault.audit_entry WHERE idx >= 5');
  }

  /** Another entry 3, and the whole tree and its checkpoint made anew. */
  async fork(): Promise<Undo> {
    const leaves = await this.#leaves();
    const changed = leaves.with(
      3,
      utf8(JSON.stringify({ ...JSON.parse(text(leaves[3])), id: `aud_${'0'.repeat(26)}` })),
    );
    return this.#replace(changed);
  }

  /** The first five entries, and what was signed of them. */
  async rollBack(): Promise<Undo> {
    return this.#replace((await this.#leaves()).slice(0, 5));
  }

  async #leaves(): Promise<Uint8Array<ArrayBuffer>[]> {
    const { rows } = await this.#client.query<{ leaf: Buffer }>(
      'SELECT leaf FROM vault.audit_entry WHERE idx < (SELECT size FROM vault.audit_log) ORDER BY idx',
    );
    return rows.map(({ leaf }) => new Uint8Array(leaf));
  }

  /** A log with these entries and no others, signed by the key of the vault. */
  async #replace(leaves: readonly Uint8Array<ArrayBuffer>[]): Promise<Undo> {
    const signer = await this.#signer();
    const key = { key: await noteKeyOf(await this.#origin(), signer.publicJwk), signer };
    const { files } = await makeTiledLog(leaves, key);
    let frontier = EMPTY_FRONTIER;
    for (const leaf of leaves) ({ frontier } = await appendLeaf(frontier, await leafHash(leaf)));
    const tile = files.get(`tile/0/000.p/${leaves.length}`);
    if (tile === undefined) throw new Error('the log of this test has one tile');
    return this.#changing(async () => {
      await this.#client.query('DELETE FROM vault.audit_entry WHERE idx >= $1', [leaves.length]);
      for (const [idx, leaf] of leaves.entries())
        await this.#client.query('UPDATE vault.audit_entry SET leaf = $1 WHERE idx = $2', [Buffer.from(leaf), idx]);
      await this.#client.query('UPDATE vault.audit_tile SET hashes = $1 WHERE level = 0 AND idx = 0', [
        Buffer.from(tile),
      ]);
      await this.#client.query(
        'UPDATE vault.audit_log SET size = $1, checkpoint_size = $1, root = $2, frontier = $3, checkpoint = $4',
        [
          leaves.length,
          Buffer.from((await treeHeadOf(frontier)).root),
          Buffer.from(encodeFrontier(frontier)),
          text(files.get('checkpoint')),
        ],
      );
    });
  }

  /** The name of the log, in which the pin stands: the first line of what the vault signed last. */
  async #origin(): Promise<string> {
    const { rows } = await this.#client.query<{ checkpoint: string }>('SELECT checkpoint FROM vault.audit_log');
    const [origin = ''] = rows[0]?.checkpoint.split('\n') ?? [];
    if (rows.length !== 1 || parseOrigin(origin)?.number !== 1) throw new Error(`the vault has the log ${origin}`);
    return origin;
  }

  /** While the service writes nothing into its log. */
  async #changing(change: string | (() => Promise<void>)): Promise<Undo> {
    await this.#client.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [SEQUENCER]);
    for (const table of TABLES)
      await this.#client.query(`CREATE TEMPORARY TABLE kept_${table} AS SELECT * FROM vault.${table}`);
    if (typeof change === 'string') await this.#client.query(change);
    else await change();
    return async () => {
      for (const table of TABLES.toReversed()) await this.#client.query(`DELETE FROM vault.${table}`);
      for (const table of TABLES) {
        await this.#client.query(`INSERT INTO vault.${table} SELECT * FROM kept_${table}`);
        await this.#client.query(`DROP TABLE kept_${table}`);
      }
      await this.#client.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [SEQUENCER]);
    };
  }

  async #signer() {
    const folder = join(this.#home, 'services');
    const names = await readdir(folder);
    for (const name of names.filter((one) => /vault.*json$/.test(one))) {
      const file = keyFileSchema.parse(JSON.parse(await readFile(join(folder, name), 'utf8')));
      const key = file.keys.find((one) => one.pur.includes('checkpoint') && 'log' in one && one.log === 1);
      if (key !== undefined) return loadSigner(privateJwkOf(key), 'Ed25519');
    }
    throw new Error('the vault has no key for checkpoints');
  }
}

function text(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}
