import { existsSync } from 'node:fs';
import { chmod, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResponderTables } from '@bulla/responder';
import { responderMigrations } from '@bulla/responder';
import type { Database, EventLog, MigrateHow } from '@bulla/service-kit';
import { connectDatabase, databaseFault, openPglite, SettingsError } from '@bulla/service-kit';
import type { VaultTables } from '@bulla/vault';
import { vaultMigrations } from '@bulla/vault';
import { StartError } from './start-error.js';

/** The databases of both services, migrated: two schemas of one server, or of one embedded instance (main-job M2). */
export interface Databases {
  readonly vault: Database<VaultTables>;
  readonly responder: Database<ResponderTables>;
  /** Closes both; the embedded instance last. */
  close(): Promise<void>;
}

export interface DatabasesOptions {
  /** A server; without it the embedded database, in a folder of the home folder. */
  readonly url: string | undefined;
  readonly home: string;
  /** Connections to the server at most, for each service. */
  readonly poolMax: number | undefined;
  readonly migrate: MigrateHow;
  readonly logs: { readonly vault: EventLog; readonly responder: EventLog };
}

/**
 * Opens and migrates them.
 * @throws {StartError} in one line without what drivers say, which may quote values
 */
export async function openDatabases({ url, home, poolMax, migrate, logs }: DatabasesOptions): Promise<Databases> {
  const pglite = url === undefined ? await openEmbedded(home) : undefined;
  const from = pglite === undefined ? { url: url ?? '' } : { pglite };
  const vault = connectDatabase<VaultTables>({
    from,
    schema: 'vault',
    migrations: vaultMigrations,
    log: logs.vault,
    poolMax,
  });
  const responder = connectDatabase<ResponderTables>({
    from,
    schema: 'responder',
    migrations: responderMigrations,
    log: logs.responder,
    poolMax,
  });
  async function close(): Promise<void> {
    await Promise.all([vault.close(), responder.close()]);
    await pglite?.close();
  }
  try {
    await vault.migrate(migrate);
    await responder.migrate(migrate);
  } catch (error) {
    await close();
    if (error instanceof SettingsError) throw error;
    const code = databaseFault(error)?.code ?? 'unknown';
    throw new StartError(
      `cannot use the ${url === undefined ? `database in ${home}` : 'database that BULLA_DATABASE_URL names'} (${code})`,
      1,
    );
  }
  return { vault, responder, close };
}

/** The hashes of all directories that an organisation has published, from version 1 on. */
export async function directoryHashes({ db }: Database<VaultTables>, org: string): Promise<string[]> {
  const rows = await db
    .selectFrom('directory_hash')
    .select('sha256')
    .where('org', '=', org)
    .orderBy('version')
    .execute();
  return rows.map(({ sha256 }) => sha256);
}

/**
 * The embedded database. It is made in a folder of another name, which is then renamed: one that was interrupted
 * while it was being made is never opened.
 */
async function openEmbedded(home: string) {
  const folder = join(home, 'pglite');
  try {
    if (!existsSync(folder)) {
      const unfinished = join(home, 'pglite.new');
      await rm(unfinished, { recursive: true, force: true });
      await (await openPglite(unfinished)).close();
      await chmod(unfinished, 0o700);
      await rename(unfinished, folder);
    }
    return await openPglite(folder);
  } catch {
    // What PGlite throws can quote statements; its folder is all a person can look at.
    throw new StartError(
      `cannot open the embedded database in ${folder}; restore it from a backup, or move it away to begin with an empty one`,
      1,
    );
  }
}
