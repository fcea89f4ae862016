import { Module } from '@nestjs/common';
import { InvitationsModule } from './invitations.module.js';
import { EnrolmentsController } from './enrolments.controller.js';
import { EnrolmentsRepository } from './enrolments.repository.js';
import { EnrolmentsService } from './enrolments.service.js';
import { OwnEnrolmentsService } from './own-enrolments.service.js';

@Module({
  imports: [InvitationsModule],
  controllers: [EnrolmentsController],
  providers: [EnrolmentsService, OwnEnrolmentsService, EnrolmentsRepository],
})
export class EnrolmentsModule {}
