import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { mintId } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { RowSecrets } from '@bulla/service-kit';
import pg from 'pg';
import { environment } from '../bulla-process.js';
import { call } from './signed-requests.js';
import type { VaultWorld } from './vault-world.js';

/** What a reader in a process of its own found, and the most memory that it had. */
export interface ReaderResult {
  readonly sizes: readonly (number | undefined)[];
  readonly valid?: boolean;
  readonly failures?: readonly (string | undefined)[];
  readonly megabytes: number;
}

/** One of so many entries shows who asked for it. */
const SIGNED_OF = 8;
/** Fewer than may wait at a vault that goes on deciding. */
const WAITING_MAX = 80_000;
const CHUNK = 20_000;

/** The outbox of a vault, filled faster than anybody can ask, with entries that verify. */
export class FedLog {
  readonly #client: pg.Client;
  readonly #org: string;
  readonly #rows: RowSecrets;
  readonly #leaf: string;
  readonly #evidence: string;
  #fed = 0;

  private constructor(
    client: pg.Client,
    { org, vault }: TestOrganisation,
    { leaf, evidence }: { leaf: string; evidence: string },
  ) {
    this.#client = client;
    this.#org = org;
    this.#rows = RowSecrets.of(vault.keyFile);
    this.#leaf = leaf;
    this.#evidence = evidence;
  }

  /**
   * Has one thing refused: all others are written as that was. What was refused may be asked any number of times, as nothing
   * that was done; between them are entries of what the vault does by itself.
   */
  static async begin({ vault, organisation }: VaultWorld, databaseUrl: string): Promise<FedLog> {
    const client = new pg.Client({ connectionString: databaseUrl, application_name: 'feeder' });
    await client.connect();
    const body = { id: mintId('prm'), name: 'large/log', type: 'text' };
    const made = await call(vault.url, organisation.auditor, 'POST', '/api/v1/prompts', { body });
    if (made.status !== 403) throw new Error(`nothing was refused: ${made.text}`);
    for (;;) {
      const { rows } = await client.query<{ leaf: Buffer; evidence: string }>(
        `select leaf, evidence from vault.audit_entry where act = 'prompt.create'`,
      );
      const [row] = rows;
      if (row !== undefined)
        return new FedLog(client, organisation, { leaf: row.leaf.toString(), evidence: row.evidence });
      await pause(50);
    }
  }

  /** Puts so many more entries where decisions wait, as fast as they are taken from there. */
  async feed(count: number): Promise<void> {
    const { id, v, t, org } = JSON.parse(this.#leaf) as Record<'id' | 'v' | 't' | 'org', unknown>;
    const own = { v, id, t, org, act: 'kek.destroy', res: 'ok', who: { type: 'service' }, obj: { kek: 1 } };
    const unsigned = JSON.stringify(own);
    for (let left = count; left > 0; left -= CHUNK) {
      while ((await this.waiting()) > WAITING_MAX) await pause(20);
      const rows = Array.from({ length: Math.min(left, CHUNK) }, () => this.#next(String(id), unsigned));
      await this.#client.query(
        `insert into vault.audit_outbox (org, leaf, secret_id, mac, evidence)
         select $1, convert_to(leaf, 'UTF8'), secret_id, mac, evidence
         from unnest($2::text[], $3::text[], $4::bytea[], $5::text[]) as row (leaf, secret_id, mac, evidence)`,
        [
          this.#org,
          rows.map(({ leaf }) => leaf),
          rows.map(({ secretId }) => secretId),
          rows.map(({ mac }) => mac),
          rows.map(({ evidence }) => evidence),
        ],
      );
    }
  }

  /** One row more, as the vault writes it: who has the database alone can write none. */
  #next(id: string, unsigned: string) {
    const number = ++this.#fed;
    const isSigned = number % SIGNED_OF === 0;
    const leaf = (isSigned ? this.#leaf : unsigned).replace(id, `aud_${String(number).padStart(26, '0')}`);
    const { id: secretId, mac } = this.#rows.seal(this.#org, leaf);
    return { leaf, secretId, mac: Buffer.from(mac), evidence: isSigned ? this.#evidence : null };
  }

  async waiting(): Promise<number> {
    const { rows } = await this.#client.query<{ n: number }>('select count(*)::int as n from vault.audit_outbox');
    return rows[0]?.n ?? 0;
  }

  /** Entries that are signed for. */
  async signed(): Promise<number> {
    const { rows } = await this.#client.query<{ n: number }>('select checkpoint_size::int as n from vault.audit_log');
    return rows[0]?.n ?? 0;
  }

  async untilSigned(size: number): Promise<void> {
    while ((await this.signed()) < size) await pause(20);
  }

  /** What has been fed so far. */
  get fed(): number {
    return this.#fed;
  }

  end(): Promise<void> {
    return this.#client.end();
  }
}

/** Exports the logs of a vault into a folder, or verifies one, in a process of its own. */
export async function readLogs(
  what: 'export' | 'verify',
  { vault, organisation }: VaultWorld,
  folder: string,
): Promise<ReaderResult> {
  const orders = join(folder, `${what}.json`);
  const { keyFile } = organisation.auditor;
  const path = join(folder, 'exported');
  await writeFile(orders, JSON.stringify({ what, url: vault.url, pin: organisation.pin, keyFile, path }));
  const child = spawn(process.execPath, [join(import.meta.dirname, 'log-reader-process.mjs'), orders], {
    env: environment({}),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the reader ended with ${code}`);
  return JSON.parse(text) as ReaderResult;
}

/** The most memory that a process had, in MiB. */
export function peakOf(pid: number | undefined): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}
