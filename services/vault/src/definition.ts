import type { ServiceDefinition, Settings } from '@bulla/service-kit';
import { bootstrapSecretSetting, packageVersion, portSetting, settingsOf } from '@bulla/service-kit';
import { vaultMigrations } from './database/migrations.js';
import type { VaultTables } from './database/types.js';
import { DepositKeys } from './managed/custody/deposit-keys.js';
import type { PrivatePlace } from './managed/root-key/private-file.js';
import { rootKeySettings } from './managed/root-key/root-key-settings.js';
import type { RootKeysParts } from './managed/root-key/root-keys.js';
import { RootKeys } from './managed/root-key/root-keys.js';
import { usageSettings } from './usage/usage-settings.js';
import { createVault } from './vault.js';

const settings = {
  BULLA_VAULT_PORT: portSetting(4100),
  BULLA_BOOTSTRAP_SECRET: bootstrapSecretSetting,
  ...rootKeySettings,
  ...usageSettings,
};

/** A vault on its own. */
export const vaultDefinition: ServiceDefinition<VaultTables, typeof settings, RootKeys> = {
  name: 'vault',
  version: packageVersion(import.meta.url),
  migrations: vaultMigrations,
  settings,
  metricsPort: 9464,
  portOf: ({ BULLA_VAULT_PORT }) => BULLA_VAULT_PORT,
  async look({ db }, own, { log, auditMarks, production, ask }) {
    const rootKeys = rootKeysOf(own, { log, production, dataFolders: [auditMarks], ask });
    await rootKeys.look(db);
    return rootKeys;
  },
  create: async (parts, own, { keyFile, looked: rootKeys }) =>
    createVault({
      ...parts,
      bootstrapSecrets: own.BULLA_BOOTSTRAP_SECRET,
      backupDays: own.BULLA_BACKUP_DAYS,
      usageDays: own.BULLA_USAGE_RETENTION_DAYS,
      rootKeys,
      deposits: await DepositKeys.load(keyFile),
    }),
};

/** What it takes from the environment. */
export const vaultSettings = settingsOf(vaultDefinition);

/** The root keys that settings name. They are not looked at yet. */
export function rootKeysOf(
  own: Settings<typeof rootKeySettings>,
  { log, makes, ask, ...place }: PrivatePlace & Pick<RootKeysParts, 'log' | 'makes' | 'ask'>,
): RootKeys {
  const { BULLA_ROOT_KEY: current, BULLA_ROOT_KEY_NEXT: next } = own;
  const passphrases = { current: own.BULLA_ROOT_PASSPHRASE, next: own.BULLA_ROOT_PASSPHRASE_NEXT };
  return new RootKeys({ settings: { current, next }, passphrases, ask, place, makes, log });
}
