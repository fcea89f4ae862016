import type { Service, ServiceParts } from '@bulla/service-kit';
import { createService } from '@bulla/service-kit';
import { RootKeys } from './managed/root-key/root-keys.js';
import { AppModule } from './app.module.js';
import type { VaultTables } from './database/types.js';
import { DepositKeys } from './managed/custody/deposit-keys.js';
import { ServedProfiles } from './organisations/served-profiles.js';

/** All that a vault needs; nothing is read from the environment or from files. Its keys sign envelopes and HTTP messages. */
export interface VaultConfig extends ServiceParts<VaultTables> {
  /** Each lets one organisation in. */
  readonly bootstrapSecrets?: readonly string[] | undefined;
  /** Private keys that deposits of managed names are sealed to; none unless given. */
  readonly deposits?: DepositKeys | undefined;
  /** Looked at already; nothing is managed unless given. The service does not close them. */
  readonly rootKeys?: RootKeys | undefined;
  /** How old the oldest backup may be that somebody would put back, in days. */
  readonly backupDays: number;
  /** How long usage is kept, in days. */
  readonly usageDays: number;
}

/**
 * Puts a vault together; it listens when told to.
 * @throws {KeyFileError} when a signing key is missing
 */
export async function createVault(parts: VaultConfig): Promise<Service> {
  parts.keys.newest('envelope');
  const rootKeys = parts.rootKeys ?? (await RootKeys.none(parts));
  await rootKeys.join();
  const module = AppModule.use({
    database: parts.database,
    profiles: new ServedProfiles(parts.production === true),
    custody: { deposits: parts.deposits ?? new DepositKeys() },
    rootKeys,
    backupDays: parts.backupDays,
    usageDays: parts.usageDays,
  });
  // Other root keys are asked when they are needed: what needs none goes on without them.
  const isInShares = rootKeys.held.some(({ name }) => name === 'shamir');
  const probes = isInShares ? { 'root-key': () => rootKeys.requireUnsealed() } : {};
  return createService<VaultTables>({
    ...parts,
    service: 'vault',
    module,
    probes,
    auditLagMaxSeconds: 900,
  });
}
