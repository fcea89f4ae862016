import type { Database, EdgeOptions, EventLog, ListenOptions, Service, ServiceKeys } from '@bulla/service-kit';
import { createService } from '@bulla/service-kit';
import { AppModule } from './app.module.js';
import type { VaultTables } from './database/types.js';
import { BootstrapSecrets } from './organisations/bootstrap-secrets.js';
import { ServedProfiles } from './organisations/served-profiles.js';

/** All that a vault needs; nothing is read from the environment or from files. */
export interface VaultConfig extends EdgeOptions {
  readonly version: string;
  /** Migrated with `vaultMigrations`; the service does not close it. */
  readonly database: Database<VaultTables>;
  /** Its name, and what it signs envelopes and HTTP messages with, in every organisation that it serves. */
  readonly keys: ServiceKeys;
  /** Each lets one organisation in. */
  readonly bootstrapSecrets?: readonly string[] | undefined;
  /** Whether organisations of profile `development` are refused; they are not unless it is said. */
  readonly production?: boolean | undefined;
  readonly log: EventLog;
  readonly listen: ListenOptions;
  /** What clients may sign for as authority; the loopback names of the port unless given. */
  readonly publicUrls?: readonly string[] | undefined;
}

/**
 * Puts a vault together; it listens when told to.
 * @throws {KeyFileError} when a signing key is missing
 */
export async function createVault({
  bootstrapSecrets = [],
  production = false,
  ...config
}: VaultConfig): Promise<Service> {
  config.keys.signer('envelope');
  const module = AppModule.use({
    database: config.database,
    secrets: new BootstrapSecrets(bootstrapSecrets),
    profiles: new ServedProfiles(production),
  });
  return createService<VaultTables>({ ...config, production, service: 'vault', module });
}
