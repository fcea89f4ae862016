export { vaultMigrations } from './database/migrations.js';
export type { VaultTables } from './database/types.js';
export { rootKeysOf, vaultSettings } from './definition.js';
export { rootKeySettings } from './managed/root-key/root-key-settings.js';
export { RootKeys } from './managed/root-key/root-keys.js';
export type { VaultConfig } from './vault.js';
export { DepositKeys } from './managed/custody/deposit-keys.js';
export { createVault } from './vault.js';
export { usageSettings } from './usage/usage-settings.js';
