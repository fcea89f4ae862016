import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { GrantsModule } from '../../grants/grants.module.js';
import { KekWraps } from '../keyring/kek-wraps.js';
import { CustodyChanges } from './custody-changes.js';
import { DataKeys } from './data-keys.js';
import { DepositKeys } from './deposit-keys.js';
import { ManagedCustody } from './managed-custody.js';
import { ManagedGrants } from './managed-grants.js';

/** What a vault manages names with. */
export interface CustodyParts {
  readonly deposits: DepositKeys;
  readonly dataKeys: DataKeys;
}

/** The custody of names: asked where versions come, are issued and go, and where a policy comes to count. */
@Module({})
export class CustodyModule {
  static use({ deposits, dataKeys }: CustodyParts): DynamicModule {
    const provided = [ManagedCustody, ManagedGrants, CustodyChanges, KekWraps, DepositKeys];
    return {
      module: CustodyModule,
      global: true,
      imports: [GrantsModule],
      providers: [
        { provide: DepositKeys, useValue: deposits },
        { provide: DataKeys, useValue: dataKeys },
        ManagedCustody,
        ManagedGrants,
        CustodyChanges,
        KekWraps,
      ],
      exports: provided,
    };
  }
}
