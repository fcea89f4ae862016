import type { Service, ServiceParts } from '@bulla/service-kit';
import { createService } from '@bulla/service-kit';
import { AppModule } from './app.module.js';
import type { VaultTables } from './database/types.js';
import { ServedProfiles } from './organisations/served-profiles.js';

/** All that a vault needs; nothing is read from the environment or from files. Its keys sign envelopes and HTTP messages. */
export interface VaultConfig extends ServiceParts<VaultTables> {
  /** Each lets one organisation in. */
  readonly bootstrapSecrets?: readonly string[] | undefined;
}

/**
 * Puts a vault together; it listens when told to.
 * @throws {KeyFileError} when a signing key is missing
 */
export async function createVault(parts: VaultConfig): Promise<Service> {
  parts.keys.newest('envelope');
  const module = AppModule.use({
    database: parts.database,
    profiles: new ServedProfiles(parts.production === true),
  });
  return createService<VaultTables>({ ...parts, service: 'vault', module, auditLagMaxSeconds: 60 });
}
