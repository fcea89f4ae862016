import { TrustSource } from '@bulla/service-kit';
import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { GrantsModule } from '../grants/grants.module.js';
import { PromptsModule } from '../prompts/prompts.module.js';
import { RestoresModule } from '../restores/restores.module.js';
import { DirectoryFreshnessService } from './directory-freshness.service.js';
import { LostDocumentsService } from './lost-documents.service.js';
import { OrganisationsController } from './organisations.controller.js';
import { OrganisationsRepository } from './organisations.repository.js';
import { OrganisationsService } from './organisations.service.js';
import { PublishingService } from './publishing.service.js';
import { ResumingService } from './resuming.service.js';
import { ServedProfiles } from './served-profiles.js';
import { VaultTrust } from './vault-trust.js';

export interface OrganisationsParts {
  readonly profiles: ServedProfiles;
}

@Module({})
export class OrganisationsModule {
  static use({ profiles }: OrganisationsParts): DynamicModule {
    return {
      module: OrganisationsModule,
      // What an organisation says is asked, and published, in other rooms too.
      global: true,
      imports: [GrantsModule, PromptsModule, RestoresModule],
      controllers: [OrganisationsController],
      providers: [
        { provide: ServedProfiles, useValue: profiles },
        OrganisationsService,
        PublishingService,
        DirectoryFreshnessService,
        LostDocumentsService,
        ResumingService,
        OrganisationsRepository,
        VaultTrust,
        { provide: TrustSource, useExisting: VaultTrust },
      ],
      exports: [PublishingService, TrustSource],
    };
  }
}
