import type { Database } from '@bulla/service-kit';
import { Ledger } from '@bulla/service-kit';
import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import type { VaultTables } from './types.js';
import { VaultDatabase } from './vault-database.js';
import { VaultLedger } from './vault-ledger.js';

/** What every room keeps things in. */
@Module({})
export class DatabaseModule {
  static use(database: Database<VaultTables>): DynamicModule {
    const providers = [
      { provide: VaultDatabase, useValue: new VaultDatabase(database.db) },
      { provide: VaultLedger, useExisting: Ledger },
    ];
    return { module: DatabaseModule, global: true, providers, exports: [VaultDatabase, VaultLedger] };
  }
}
