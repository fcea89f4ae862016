import { Ledger } from '@bulla/service-kit';
import type { VaultTables } from './types.js';

/** The ledger over the vault's own tables: every effect, its nonce and its audit row in one transaction. */
export class VaultLedger extends Ledger<VaultTables> {}
