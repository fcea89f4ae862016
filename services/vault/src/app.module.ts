import type { Database } from '@bulla/service-kit';
import { Ledger } from '@bulla/service-kit';
import { type DynamicModule, Module } from '@nestjs/common';
import type { VaultTables } from './database/types.js';
import { VaultDatabase } from './database/vault-database.js';
import { VaultLedger } from './database/vault-ledger.js';
import { EnvelopesModule } from './envelopes/envelopes.module.js';
import { BootstrapSecrets } from './organisations/bootstrap-secrets.js';
import { OrganisationsModule } from './organisations/organisations.module.js';
import { PromptsModule } from './prompts/prompts.module.js';
import { SharingModule } from './sharing/sharing.module.js';

@Module({})
class StoreModule {}

/** The rooms of the vault, and what all of them keep things in. */
@Module({})
export class AppModule {
  static create(database: Database<VaultTables>, secrets: BootstrapSecrets): DynamicModule {
    const providers = [
      { provide: VaultDatabase, useValue: new VaultDatabase(database.db) },
      { provide: VaultLedger, useExisting: Ledger },
      { provide: BootstrapSecrets, useValue: secrets },
    ];
    const store = { module: StoreModule, global: true, providers, exports: providers.map(({ provide }) => provide) };
    return { module: AppModule, imports: [store, OrganisationsModule, PromptsModule, SharingModule, EnvelopesModule] };
  }
}
