import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { AuditController } from './audit.controller.js';
import { AuditEntriesRepository } from './audit-entries.repository.js';
import { AuditService } from './audit.service.js';
import { LogRepository } from './log.repository.js';
import { CosignaturesController } from '../witnesses/cosignatures.controller.js';
import { CosignaturesRepository } from '../witnesses/cosignatures.repository.js';
import { CosignaturesService } from '../witnesses/cosignatures.service.js';

/** The room of every service that shows its audit log. */
@Module({})
export class AuditModule {
  static use(logs: LogRepository): DynamicModule {
    const own = [AuditService, AuditEntriesRepository, { provide: LogRepository, useValue: logs }];
    const providers = [...own, CosignaturesService, CosignaturesRepository];
    return { module: AuditModule, controllers: [AuditController, CosignaturesController], providers };
  }
}
