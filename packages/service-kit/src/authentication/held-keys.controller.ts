import type { HeldKeys, Kid } from '@bulla/contract';
import { Controller } from '@nestjs/common';
import { Route } from '../route/route.js';
import { ServiceKeys } from './service-keys.js';

@Controller()
export class HeldKeysController {
  constructor(private readonly keys: ServiceKeys) {}

  @Route('key.held')
  held(): HeldKeys {
    return { kids: this.keys.held().map((kid) => kid as Kid) };
  }
}
