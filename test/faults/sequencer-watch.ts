import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

/** A log at one moment. */
export interface Sighting {
  /** Entries that are committed, and those that the newest checkpoint is about. */
  readonly size: number;
  readonly signed: number;
  /** Name of the process that holds the sequencer now, and of the connection by which it does. */
  readonly holder: string | undefined;
  readonly backend: number | undefined;
}

interface LogRow {
  readonly log: number;
  readonly size: string;
  readonly checkpoint_size: string;
  readonly checkpoint: string | null;
  readonly holder: string | null;
  readonly backend: number | null;
}

const LATEST_MS = 60_000;
const BREAK_MS = 3;
/** Who holds the lock of the sequencer: each process has a name of its own on its connections. */
const LOOK = `
  select l.log, l.size, l.checkpoint_size, l.checkpoint, h.holder, h.backend
  from vault.audit_log l left join (
    select a.application_name as holder, a.pid as backend
    from pg_locks k join pg_stat_activity a using (pid)
    where k.locktype = 'advisory' and k.granted and a.datname = current_database()
      and (k.classid::bigint << 32) | k.objid::bigint = hashtextextended('vault audit-sequencer', 0)
    limit 1) h on true
  where l.org = $1`;

/** Looks at the log of an organisation all the time and keeps every checkpoint that it ever saw. */
export class SequencerWatch {
  readonly #client: pg.Client;
  readonly #org: string;
  readonly #over = new AbortController();
  #looking: Promise<void> = Promise.resolve();
  readonly checkpoints = new Set<string>();
  /** Names of all that were seen to hold the sequencer. */
  readonly holders = new Set<string>();
  /** What must not be: a second log, or a checkpoint of less than one before. */
  readonly faults: string[] = [];
  #signed = 0;

  private constructor(client: pg.Client, org: string) {
    this.#client = client;
    this.#org = org;
  }

  static async begin(databaseUrl: string, org: string): Promise<SequencerWatch> {
    const client = new pg.Client({ connectionString: databaseUrl, application_name: 'watch' });
    await client.connect();
    const watch = new SequencerWatch(client, org);
    watch.#looking = watch.#lookOn();
    return watch;
  }

  async look(): Promise<Sighting> {
    const { rows } = await this.#client.query<LogRow>(LOOK, [this.#org]);
    const [row] = rows;
    if (row === undefined) return { size: 0, signed: 0, holder: undefined, backend: undefined };
    const [size, signed] = [Number(row.size), Number(row.checkpoint_size)];
    if (rows.length > 1) this.faults.push(`there are ${rows.length} logs`);
    if (signed < this.#signed) this.faults.push(`a checkpoint of ${signed} came after one of ${this.#signed}`);
    this.#signed = signed;
    if (row.checkpoint !== null) this.checkpoints.add(row.checkpoint);
    if (row.holder !== null) this.holders.add(row.holder);
    return { size, signed, holder: row.holder ?? undefined, backend: row.backend ?? undefined };
  }

  /** Looks without a break until something is so. @throws {Error} naming it, after a minute */
  async until(what: string, isSo: (seen: Sighting) => boolean): Promise<Sighting> {
    for (const last = performance.now() + LATEST_MS; ; ) {
      const seen = await this.look();
      if (isSo(seen)) return seen;
      if (performance.now() > last) throw new Error(`it took too long: ${what}; last seen: ${JSON.stringify(seen)}`);
    }
  }

  /** Waits until every decision is in the log, and signed. */
  async untilWritten(): Promise<void> {
    const client = this.#client;
    for (const last = performance.now() + LATEST_MS; ; await pause(50)) {
      const { rows } = await client.query<{ n: number }>('select count(*)::int as n from vault.audit_outbox');
      const { size, signed } = await this.look();
      if (rows[0]?.n === 0 && size === signed) return;
      if (performance.now() > last) throw new Error(`${rows[0]?.n} decisions are not in the log, ${signed} of ${size}`);
    }
  }

  /** Ends a connection of another process as the server would. */
  async cut(backend: number | undefined): Promise<void> {
    await this.#client.query('select pg_terminate_backend($1)', [backend]);
  }

  async rows<Row extends object>(statement: string): Promise<Row[]> {
    return (await this.#client.query<Row>(statement)).rows;
  }

  async end(): Promise<void> {
    this.#over.abort();
    await this.#looking;
    await this.#client.end();
  }

  async #lookOn(): Promise<void> {
    for (; !this.#over.signal.aborted; await pause(BREAK_MS)) await this.look();
  }
}
