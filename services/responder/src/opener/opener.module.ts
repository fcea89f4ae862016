import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import type { Unwrapper } from '@bulla/crypto';
import { OpenerService } from './opener.service.js';
import { Unwrappers } from './unwrappers.js';

/** Opens questions and prompts with keys that only this room holds. */
@Module({})
export class OpenerModule {
  static use(unwrappers: readonly Unwrapper[]): DynamicModule {
    const keys = { provide: Unwrappers, useValue: new Unwrappers(unwrappers) };
    return { module: OpenerModule, providers: [keys, OpenerService], exports: [OpenerService] };
  }
}
