import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { AuditController } from './audit.controller.js';
import { AuditEntriesRepository } from './audit-entries.repository.js';
import { AuditService } from './audit.service.js';
import { LogRepository } from './log.repository.js';

/** The room of every service that shows its audit log. */
@Module({})
export class AuditModule {
  static use(logs: LogRepository): DynamicModule {
    const providers = [AuditService, AuditEntriesRepository, { provide: LogRepository, useValue: logs }];
    return { module: AuditModule, controllers: [AuditController], providers };
  }
}
