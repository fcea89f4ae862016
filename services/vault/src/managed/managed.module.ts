import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { JobRunner } from './jobs/job-runner.js';
import { JobsController } from './jobs/jobs.controller.js';
import { JobsRepository } from './jobs/jobs.repository.js';
import { JobsService } from './jobs/jobs.service.js';
import { Pace } from './jobs/pace.js';
import { KekWraps } from './keyring/kek-wraps.js';
import { KeksRepository } from './keyring/keks.repository.js';
import { Keyring } from './keyring/keyring.js';
import { RootKeys } from './root-key/root-keys.js';
import { KekRewrapRepository } from './rotation/kek-rewrap.repository.js';
import { KekRotation } from './rotation/kek-rotation.js';
import { KeyCare } from './rotation/key-care.js';
import { KeyStanding } from './rotation/key-standing.js';
import { KeyTimes } from './rotation/key-times.js';
import { RootRewrapRepository } from './rotation/root-rewrap.repository.js';
import { RootRotation } from './rotation/root-rotation.js';
import { RotationsController } from './rotation/rotations.controller.js';
import { RotationsService } from './rotation/rotations.service.js';
import { UnsealingController } from './unsealing/unsealing.controller.js';
import { UnsealingService } from './unsealing/unsealing.service.js';

export interface ManagedParts {
  /** Joined already: what this process holds is known to the others. */
  readonly rootKeys: RootKeys;
  /** How old the oldest backup may be that somebody would put back. */
  readonly backupDays: number;
}

/** All that opens anything in the vault, and the keys for it. */
@Module({})
export class ManagedModule {
  static use({ rootKeys, backupDays }: ManagedParts): DynamicModule {
    const keys = [KeksRepository, KekWraps, Keyring];
    const jobs = [JobsRepository, JobsService, JobRunner, Pace];
    const rotation = [KekRewrapRepository, RootRewrapRepository, KekRotation, RootRotation, KeyStanding, KeyCare];
    return {
      module: ManagedModule,
      global: true,
      controllers: [JobsController, RotationsController, UnsealingController],
      providers: [
        { provide: RootKeys, useValue: rootKeys },
        { provide: KeyTimes, useValue: new KeyTimes(backupDays) },
        ...keys,
        ...jobs,
        ...rotation,
        RotationsService,
        UnsealingService,
      ],
      exports: [RootKeys, Keyring, KekWraps],
    };
  }
}
