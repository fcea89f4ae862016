import { Module } from '@nestjs/common';
import { GrantsModule } from '../grants/grants.module.js';
import { PromptsModule } from '../prompts/prompts.module.js';
import { ChatEnvelopes } from './chat-envelopes.service.js';
import { EnvelopeMint } from './envelope-mint.js';
import { EnvelopeSources } from './envelope-sources.js';
import { EnvelopesController } from './envelopes.controller.js';
import { EnvelopeMaterialRepository } from './envelope-material.repository.js';
import { EnvelopesRepository } from './envelopes.repository.js';
import { EnvelopesService } from './envelopes.service.js';
import { HeldChatEnvelopesRepository } from './held-chat-envelopes.repository.js';
import { ExpiredEnvelopes } from './expired-envelopes.js';

@Module({
  imports: [PromptsModule, GrantsModule],
  controllers: [EnvelopesController],
  providers: [
    EnvelopesService,
    ChatEnvelopes,
    EnvelopeMint,
    EnvelopeSources,
    EnvelopeMaterialRepository,
    EnvelopesRepository,
    HeldChatEnvelopesRepository,
    ExpiredEnvelopes,
  ],
})
export class EnvelopesModule {}
