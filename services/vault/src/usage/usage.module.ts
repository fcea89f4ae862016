import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { VaultDatabase } from '../database/vault-database.js';
import { PastUsage } from './past-usage.js';
import { UsageController } from './usage.controller.js';
import { UsageRepository } from './usage.repository.js';
import { UsageService } from './usage.service.js';

/** What runs took, as responders report it. */
@Module({})
export class UsageModule {
  /** @param days how long it is kept. */
  static use(days: number): DynamicModule {
    return {
      module: UsageModule,
      controllers: [UsageController],
      providers: [
        {
          provide: UsageRepository,
          inject: [VaultDatabase],
          useFactory: (database: VaultDatabase) => new UsageRepository(database, days),
        },
        UsageService,
        PastUsage,
      ],
    };
  }
}
