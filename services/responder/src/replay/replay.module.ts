import { Module } from '@nestjs/common';
import { ClaimPurge } from './claim-purge.js';
import { ClaimsRepository } from './claims.repository.js';
import { HeartbeatsRepository } from './heartbeats.repository.js';
import { Heartbeats } from './heartbeats.js';
import { ReplayService } from './replay.service.js';
import { RestoreGuard } from './restore-guard.js';
import { RestoreMarkRepository } from './restore-mark.repository.js';

@Module({
  providers: [
    ReplayService,
    ClaimsRepository,
    Heartbeats,
    HeartbeatsRepository,
    RestoreMarkRepository,
    RestoreGuard,
    ClaimPurge,
  ],
  exports: [ReplayService],
})
export class ReplayModule {}
