import type { Database } from '@bulla/service-kit';
import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { DatabaseModule } from './database/database.module.js';
import type { VaultTables } from './database/types.js';
import { EnrolmentsModule } from './people/enrolments.module.js';
import { EnvelopesModule } from './envelopes/envelopes.module.js';
import { InvitationsModule } from './people/invitations.module.js';
import type { ManagedParts } from './managed/managed.module.js';
import { ManagedModule } from './managed/managed.module.js';
import type { OrganisationsParts } from './organisations/organisations.module.js';
import type { CustodyParts } from './managed/custody/custody.module.js';
import { CustodyModule } from './managed/custody/custody.module.js';
import { OrganisationsModule } from './organisations/organisations.module.js';
import { PromptsModule } from './prompts/prompts.module.js';
import { SharingModule } from './sharing/sharing.module.js';
import { UsageModule } from './usage/usage.module.js';

export interface AppParts extends OrganisationsParts, ManagedParts {
  readonly custody: CustodyParts;
  readonly database: Database<VaultTables>;
  /** How long usage is kept. */
  readonly usageDays: number;
}

/** The rooms of the vault, and what all of them keep things in. */
@Module({})
export class AppModule {
  static use({ database, custody, rootKeys, backupDays, usageDays, ...organisations }: AppParts): DynamicModule {
    const people = [InvitationsModule, EnrolmentsModule];
    const prompts = [PromptsModule, SharingModule, EnvelopesModule, UsageModule.use(usageDays)];
    const managed = [ManagedModule.use({ rootKeys, backupDays }), CustodyModule.use(custody)];
    const rooms = [OrganisationsModule.use(organisations), ...people, ...prompts];
    return { module: AppModule, imports: [DatabaseModule.use(database), ...managed, ...rooms] };
  }
}
