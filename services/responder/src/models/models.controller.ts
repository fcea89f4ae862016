import type { ModelList } from '@bulla/contract';
import { Route } from '@bulla/service-kit';
import { Controller } from '@nestjs/common';
import { ModelRegistry } from './model-registry.js';
import type { ModelTarget } from './resilience/model-target.js';

@Controller()
export class ModelsController {
  constructor(private readonly models: ModelRegistry) {}

  @Route('model.list')
  list(): ModelList {
    const { takesOthers: others, currency } = this.models;
    const data = this.models.list().map(({ name, isDefault, aliasOf, targets, fallbacks }) => ({
      name,
      default: isDefault,
      ...(aliasOf && { alias_of: aliasOf }),
      targets: targets.map(answererOf),
      fallbacks: fallbacks.map(answererOf),
    }));
    return { data, others, ...(currency && { currency }) };
  }
}

type Answerer = ModelList['data'][number]['targets'][number];

/** Neither its address nor what its server calls the model. */
function answererOf({ upstream, weight, can, model, price }: ModelTarget): Answerer {
  const known = can ?? model.can;
  return {
    upstream,
    ...(weight && { weight }),
    ...(known && { can: [...known].filter((one) => model.can?.has(one) !== false) }),
    ...(price && { price: { input: String(price.input), output: String(price.output) } }),
  };
}
