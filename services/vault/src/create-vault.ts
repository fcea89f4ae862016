import type { Clock, Database, EventLog, ListenOptions, Service, ServiceKeys } from '@bulla/service-kit';
import { createService } from '@bulla/service-kit';
import { AppModule } from './app.module.js';
import type { VaultTables } from './database/types.js';
import { BootstrapSecrets } from './organisations/bootstrap-secrets.js';

/** What a vault is made of. Whoever makes it opens and closes the database. */
export interface VaultOptions {
  readonly version: string;
  /** Migrated with `vaultMigrations`. */
  readonly database: Database<VaultTables>;
  /** With keys for `http` and `envelope`. */
  readonly keys: ServiceKeys;
  readonly log: EventLog;
  readonly listen: ListenOptions;
  readonly publicUrls?: readonly string[] | undefined;
  /** Each lets one organisation in. */
  readonly bootstrapSecrets?: readonly string[] | undefined;
  readonly clock?: Clock;
}

/**
 * Puts the vault together; it listens when told to.
 * @throws {KeyFileError} if a key is missing
 */
export function createVault({ bootstrapSecrets = [], ...options }: VaultOptions): Promise<Service> {
  options.keys.signer('envelope');
  const module = AppModule.create(options.database, new BootstrapSecrets(bootstrapSecrets));
  return createService({ ...options, service: 'vault', module });
}
