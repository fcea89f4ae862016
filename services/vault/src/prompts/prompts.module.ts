import { Module } from '@nestjs/common';
import { GrantsModule } from '../grants/grants.module.js';
import { LabelsRepository } from './labels.repository.js';
import { LabelsService } from './labels.service.js';
import { PromptsController } from './prompts.controller.js';
import { PromptsRepository } from './prompts.repository.js';
import { PromptsService } from './prompts.service.js';
import { VersionsRepository } from './versions.repository.js';
import { VersionsService } from './versions.service.js';

@Module({
  imports: [GrantsModule],
  controllers: [PromptsController],
  providers: [PromptsService, PromptsRepository, VersionsService, VersionsRepository, LabelsService, LabelsRepository],
  exports: [PromptsService, VersionsService, LabelsService],
})
export class PromptsModule {}
