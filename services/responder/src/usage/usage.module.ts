import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { UsageRepository } from './usage.repository.js';
import { UsageReportsService } from './usage-reports.service.js';

/** Counts what runs took, and tells the vault. */
@Module({})
export class UsageModule {
  /** @param rooms the modules of this service that this room uses. */
  static use(rooms: Required<DynamicModule>['imports']): DynamicModule {
    return { module: UsageModule, imports: rooms, providers: [UsageRepository, UsageReportsService] };
  }
}
