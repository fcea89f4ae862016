import { Module } from '@nestjs/common';
import { DeletedGrantsRepository } from './deleted-grants.repository.js';
import { GrantsRepository } from './grants.repository.js';
import { GrantsService } from './grants.service.js';
import { KeyEndsRepository } from './key-ends.repository.js';
import { KeyEndsService } from './key-ends.service.js';
import { UnfitGrantsRepository } from './unfit-grants.repository.js';

@Module({
  providers: [
    GrantsService,
    GrantsRepository,
    KeyEndsService,
    KeyEndsRepository,
    UnfitGrantsRepository,
    DeletedGrantsRepository,
  ],
  exports: [GrantsService, KeyEndsService],
})
export class GrantsModule {}
