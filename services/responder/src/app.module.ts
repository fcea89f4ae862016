import type { Unwrapper } from '@bulla/crypto';
import type { NewestCheckpoint } from '@bulla/service-kit';
import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import type { AnswerLimits } from './invocations/answer-budget.js';
import { InvocationsModule } from './invocations/invocations.module.js';
import type { RunsInFlight } from './invocations/runs-in-flight.js';
import type { ModelRegistry } from './models/model-registry.js';
import { ModelsModule } from './models/models.module.js';
import { OpenerModule } from './opener/opener.module.js';
import { ReplayModule } from './replay/replay.module.js';
import { RewrapModule } from './rewrap/rewrap.module.js';
import { TrustModule } from './trust/trust.module.js';
import { UsageModule } from './usage/usage.module.js';
import { VaultModule } from './vault/vault.module.js';
import type { VaultTrustSource } from './trust/vault-trust-source.js';

export interface AppParts {
  readonly trust: VaultTrustSource;
  readonly runs: RunsInFlight;
  readonly newestCheckpoint: NewestCheckpoint;
  readonly answerLimits: AnswerLimits;
  readonly unwrappers: readonly Unwrapper[];
  readonly models: ModelRegistry;
  /** Base URL. */
  readonly vaultUrl: string;
}

/** The rooms of the responder. */
@Module({})
export class AppModule {
  static use({ trust, runs, newestCheckpoint, answerLimits, unwrappers, models, vaultUrl }: AppParts): DynamicModule {
    const [trusted, opener, vault] = [
      TrustModule.use(trust),
      OpenerModule.use(unwrappers),
      VaultModule.use({ vaultUrl, stopping: runs.stopping }),
    ];
    const rooms = [trusted, opener, ReplayModule, ModelsModule.use(models)];
    return {
      module: AppModule,
      imports: [
        InvocationsModule.use({ runs, newestCheckpoint, answerLimits }, rooms),
        RewrapModule.use(runs, [trusted, opener, vault]),
        UsageModule.use([trusted, vault]),
      ],
    };
  }
}
