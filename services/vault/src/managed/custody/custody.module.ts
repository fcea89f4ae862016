import type { DynamicModule } from '@nestjs/common';
import { ServiceKeys } from '@bulla/service-kit';
import { Module } from '@nestjs/common';
import { GrantsModule } from '../../grants/grants.module.js';
import { Keyring } from '../keyring/keyring.js';
import { CustodyChanges } from './custody-changes.js';
import { DataKeys } from './data-keys.js';
import { DepositKeys, loadDepositKeys } from './deposit-keys.js';
import { ManagedCustody } from './managed-custody.js';
import { ManagedGrants } from './managed-grants.js';

/** What a vault manages names with. */
export interface CustodyParts {
  readonly deposits: DepositKeys;
}

/** The custody of names: asked where versions come, are issued and go, and where a policy comes to count. */
@Module({})
export class CustodyModule {
  static use({ deposits }: CustodyParts): DynamicModule {
    const provided = [ManagedCustody, ManagedGrants, CustodyChanges, DepositKeys];
    return {
      module: CustodyModule,
      global: true,
      imports: [GrantsModule],
      providers: [
        { provide: DepositKeys, useFactory: (own: ServiceKeys) => follow(own, deposits), inject: [ServiceKeys] },
        { provide: DataKeys, useExisting: Keyring },
        ManagedCustody,
        ManagedGrants,
        CustodyChanges,
      ],
      exports: provided,
    };
  }
}

/** They change with the key file of the vault. */
function follow(keys: ServiceKeys, deposits: DepositKeys): DepositKeys {
  // guard: deposit-keys-follow
  keys.onTaken(async (file) => {
    const next = await loadDepositKeys(file);
    return () => deposits.take(next);
  });
  return deposits;
}
