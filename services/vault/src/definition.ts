import type { ServiceDefinition } from '@bulla/service-kit';
import { bootstrapSecretSetting, packageVersion, portSetting, settingsOf } from '@bulla/service-kit';
import { vaultMigrations } from './database/migrations.js';
import type { VaultTables } from './database/types.js';
import { DepositKeys } from './managed/custody/deposit-keys.js';
import { createVault } from './vault.js';

const settings = { BULLA_VAULT_PORT: portSetting(4100), BULLA_BOOTSTRAP_SECRET: bootstrapSecretSetting };

/** A vault on its own. */
export const vaultDefinition: ServiceDefinition<VaultTables, typeof settings> = {
  name: 'vault',
  version: packageVersion(import.meta.url),
  migrations: vaultMigrations,
  settings,
  metricsPort: 9464,
  portOf: ({ BULLA_VAULT_PORT }) => BULLA_VAULT_PORT,
  create: async (parts, { BULLA_BOOTSTRAP_SECRET }, { keyFile }) =>
    createVault({
      ...parts,
      bootstrapSecrets: BULLA_BOOTSTRAP_SECRET,
      deposits: await DepositKeys.load(keyFile),
    }),
};

/** What it takes from the environment. */
export const vaultSettings = settingsOf(vaultDefinition);
