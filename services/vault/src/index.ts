export { vaultMigrations } from './database/migrations.js';
export type { VaultTables } from './database/types.js';
export { vaultSettings } from './definition.js';
export type { VaultConfig } from './vault.js';
export { DepositKeys } from './managed/custody/deposit-keys.js';
export { createVault } from './vault.js';
