import { Module } from '@nestjs/common';
import { RestoreGuard } from './restore-guard.js';
import { RestoresRepository } from './restores.repository.js';

/** Whether the database was restored: every room that changes labels or documents asks. */
@Module({
  providers: [RestoreGuard, RestoresRepository],
  exports: [RestoreGuard],
})
export class RestoresModule {}
