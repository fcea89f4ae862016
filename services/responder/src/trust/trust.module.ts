import { TrustSource } from '@bulla/service-kit';
import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { Revocations } from './revocations.js';
import type { VaultTrustSource } from './vault-trust-source.js';

/** Where every room gets the organisation's verified documents from. */
@Module({})
export class TrustModule {
  static use(source: VaultTrustSource): DynamicModule {
    return {
      module: TrustModule,
      providers: [
        { provide: TrustSource, useValue: source },
        { provide: Revocations, useValue: source.revocations },
      ],
      exports: [TrustSource, Revocations],
    };
  }
}
