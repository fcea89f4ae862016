import { Module } from '@nestjs/common';
import { GrantsModule } from '../grants/grants.module.js';
import { RestoresModule } from '../restores/restores.module.js';
import { ApprovalsController } from './approvals.controller.js';
import { ApprovalsRepository } from './approvals.repository.js';
import { ApprovalsService } from './approvals.service.js';
import { EntrustedVersionsService } from './entrusted-versions.service.js';
import { LabelFreshnessController } from './label-freshness.controller.js';
import { LabelFreshnessRepository } from './label-freshness.repository.js';
import { LabelFreshnessService } from './label-freshness.service.js';
import { LabelMoves } from './label-moves.js';
import { LabelTagsRepository } from './label-tags.repository.js';
import { LabelsRepository } from './labels.repository.js';
import { LabelsService } from './labels.service.js';
import { LostMovesService } from './lost-moves.service.js';
import { LostPrompts } from './lost-prompts.js';
import { PromptsController } from './prompts.controller.js';
import { PromptsRepository } from './prompts.repository.js';
import { PromptsService } from './prompts.service.js';
import { ServedPositions } from './served-positions.js';
import { VersionWrites } from './version-writes.js';
import { VersionsRepository } from './versions.repository.js';
import { VersionsService } from './versions.service.js';
import { WaitingMoves } from './waiting-moves.js';

@Module({
  imports: [GrantsModule, RestoresModule],
  controllers: [PromptsController, LabelFreshnessController, ApprovalsController],
  providers: [
    PromptsService,
    PromptsRepository,
    VersionsService,
    VersionWrites,
    EntrustedVersionsService,
    VersionsRepository,
    LabelsService,
    LabelsRepository,
    LabelTagsRepository,
    LabelFreshnessService,
    LabelFreshnessRepository,
    ServedPositions,
    LabelMoves,
    LostMovesService,
    LostPrompts,
    ApprovalsService,
    ApprovalsRepository,
    WaitingMoves,
  ],
  exports: [PromptsService, VersionsService, LabelsService, WaitingMoves],
})
export class PromptsModule {}
