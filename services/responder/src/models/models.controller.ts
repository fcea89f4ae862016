import type { ModelList } from '@bulla/contract';
import { Route } from '@bulla/service-kit';
import { Controller } from '@nestjs/common';
import { ModelRegistry } from './model-registry.js';

@Controller()
export class ModelsController {
  constructor(private readonly models: ModelRegistry) {}

  @Route('model.list')
  list(): ModelList {
    const data = this.models
      .list()
      .map(({ name, isDefault, aliasOf }) => ({ name, default: isDefault, ...(aliasOf && { alias_of: aliasOf }) }));
    return { data, others: this.models.takesOthers };
  }
}
