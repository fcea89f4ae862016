import { Module } from '@nestjs/common';
import { GrantsModule } from '../grants/grants.module.js';
import { PromptsModule } from '../prompts/prompts.module.js';
import { MovingService } from './moving.service.js';
import { SharingController } from './sharing.controller.js';
import { SharingService } from './sharing.service.js';

@Module({
  imports: [GrantsModule, PromptsModule],
  controllers: [SharingController],
  providers: [SharingService, MovingService],
})
export class SharingModule {}
