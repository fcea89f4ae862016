import { Module } from '@nestjs/common';
import { GrantsModule } from '../grants/grants.module.js';
import { PromptsModule } from '../prompts/prompts.module.js';
import { EnvelopeSources } from './envelope-sources.js';
import { EnvelopesController } from './envelopes.controller.js';
import { EnvelopeMaterialRepository } from './envelope-material.repository.js';
import { EnvelopesRepository } from './envelopes.repository.js';
import { EnvelopesService } from './envelopes.service.js';
import { ExpiredEnvelopes } from './expired-envelopes.js';

@Module({
  imports: [PromptsModule, GrantsModule],
  controllers: [EnvelopesController],
  providers: [EnvelopesService, EnvelopeSources, EnvelopeMaterialRepository, EnvelopesRepository, ExpiredEnvelopes],
})
export class EnvelopesModule {}
