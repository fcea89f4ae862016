export type { VaultOptions } from './create-vault.js';
export { createVault } from './create-vault.js';
export { vaultMigrations } from './database/migrations.js';
export type { VaultTables } from './database/types.js';
