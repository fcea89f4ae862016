import { Module } from '@nestjs/common';
import { GrantsRepository } from './grants.repository.js';
import { GrantsService } from './grants.service.js';

@Module({ providers: [GrantsService, GrantsRepository], exports: [GrantsService] })
export class GrantsModule {}
