import type { Service, ServiceParts } from '@bulla/service-kit';
import { createService } from '@bulla/service-kit';
import { AppModule } from './app.module.js';
import type { VaultTables } from './database/types.js';
import type { DataKeys } from './managed/custody/data-keys.js';
import { NoDataKeys } from './managed/custody/data-keys.js';
import { DepositKeys } from './managed/custody/deposit-keys.js';
import { ServedProfiles } from './organisations/served-profiles.js';

/** All that a vault needs; nothing is read from the environment or from files. Its keys sign envelopes and HTTP messages. */
export interface VaultConfig extends ServiceParts<VaultTables> {
  /** Each lets one organisation in. */
  readonly bootstrapSecrets?: readonly string[] | undefined;
  /** Private keys that deposits of managed names are sealed to; none unless given. */
  readonly deposits?: DepositKeys | undefined;
  /** Keeps the data keys of managed names; a vault without manages none. */
  readonly dataKeys?: DataKeys | undefined;
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
    custody: { deposits: parts.deposits ?? DepositKeys.none, dataKeys: parts.dataKeys ?? new NoDataKeys() },
  });
  return createService<VaultTables>({ ...parts, service: 'vault', module, auditLagMaxSeconds: 60 });
}
