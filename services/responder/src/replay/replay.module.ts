import { Module } from '@nestjs/common';
import { ClaimPurge } from './claim-purge.js';
import { ClaimsRepository } from './claims.repository.js';
import { ReplayService } from './replay.service.js';

@Module({ providers: [ReplayService, ClaimsRepository, ClaimPurge], exports: [ReplayService] })
export class ReplayModule {}
