import { Module } from '@nestjs/common';
import { InvitationsController } from './invitations.controller.js';
import { InvitationsRepository } from './invitations.repository.js';
import { InvitationsService } from './invitations.service.js';
import { PastInvitations } from './past-invitations.js';

@Module({
  controllers: [InvitationsController],
  providers: [InvitationsService, InvitationsRepository, PastInvitations],
  exports: [InvitationsService],
})
export class InvitationsModule {}
