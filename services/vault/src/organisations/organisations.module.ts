import { TrustSource } from '@bulla/service-kit';
import { Module } from '@nestjs/common';
import { OrganisationsController } from './organisations.controller.js';
import { OrganisationsRepository } from './organisations.repository.js';
import { OrganisationsService } from './organisations.service.js';
import { PublishingService } from './publishing.service.js';
import { VaultTrust } from './vault-trust.js';

@Module({
  controllers: [OrganisationsController],
  providers: [OrganisationsService, PublishingService, OrganisationsRepository, VaultTrust, { provide: TrustSource, useExisting: VaultTrust }],
  exports: [TrustSource],
})
export class OrganisationsModule {}
