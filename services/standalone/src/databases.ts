import { existsSync } from 'node:fs';
import { chmod, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResponderTables } from '@bulla/responder';
import { responderMigrations } from '@bulla/responder';
import type { Database, MigrateHow } from '@bulla/service-kit';
import {
  connectDatabase,
  databaseFault,
  DatabaseTrouble,
  EventLog,
  openPglite,
  SettingsError,
} from '@bulla/service-kit';
import type { VaultTables } from '@bulla/vault';
import { vaultMigrations } from '@bulla/vault';
import type { FoundDatabase, Recognise } from './database-mark.js';
import { lookAtMark, markDatabase, NO_DATABASE } from './database-mark.js';
import { StartError } from './start-error.js';

/** The databases of both services, migrated: two schemas of one server, or of one embedded instance. */
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
  /** Asked before anything is made or changed. */
  readonly recognise: Recognise;
  /** Looks at the vault's database once it is recognised, before anything in it is made or changed. */
  readonly look: (vault: Database<VaultTables>) => Promise<void>;
  readonly logs: { readonly vault: EventLog; readonly responder: EventLog };
}

/**
 * Opens and migrates them.
 * @throws {StartError} in one line without what drivers say, which may quote values; {DatabaseTrouble} for a server; what
 *   `recognise` throws
 */
export async function openDatabases({
  url,
  home,
  poolMax,
  migrate,
  recognise,
  look,
  logs,
}: DatabasesOptions): Promise<Databases> {
  // A database that would be made now is not the earlier one. A refused start leaves no empty database behind.
  if (url === undefined && !existsSync(folderIn(home))) await recognise(NO_DATABASE);
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
  let refusal: unknown;
  try {
    const recognised: Recognise = async (found) => {
      try {
        const mark = await recognise(found);
        await look(vault);
        return mark;
      } catch (error) {
        if (databaseFault(error) === undefined) refusal = error;
        throw error;
      }
    };
    await markDatabase(recognised, { from, log: logs.vault, vault, how: migrate });
    await vault.migrate(migrate);
    await responder.migrate(migrate);
  } catch (error) {
    await close();
    throw error === refusal ? error : faultOf(error, url === undefined ? home : undefined);
  }
  return { vault, responder, close };
}

/** Of what a driver says only the code is repeated. */
function faultOf(error: unknown, home: string | undefined): unknown {
  if (error instanceof SettingsError || error instanceof DatabaseTrouble) return error;
  const which = home === undefined ? 'database that BULLA_DATABASE_URL names' : `embedded database in ${home}`;
  return new StartError(`cannot use the ${which} (${databaseFault(error)?.code ?? 'unknown'})`, 1);
}

/**
 * Has somebody look at the database of a server without changing anything there.
 * @throws {DatabaseTrouble} where it cannot be used; what `look` throws
 */
export async function lookAtDatabase<Seen>(url: string, look: (found: FoundDatabase) => Promise<Seen>): Promise<Seen> {
  const log = new EventLog({ service: 'doctor', level: 'silent' });
  const vault = connectDatabase<VaultTables>({
    from: { url },
    schema: 'vault',
    migrations: vaultMigrations,
    log,
    poolMax: 1,
  });
  try {
    return await lookAtMark(look, { url, log, vault });
  } finally {
    await vault.close();
  }
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
  const folder = folderIn(home);
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

function folderIn(home: string): string {
  return join(home, 'pglite');
}
