import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import type { Unwrapper } from '@bulla/crypto';
import { ServiceKeys } from '@bulla/service-kit';
import { GrantMover } from './grant-mover.js';
import { OpenerService } from './opener.service.js';
import { loadUnwrappers, Unwrappers } from './unwrappers.js';

/** Opens questions and prompts with keys that only this room holds. */
@Module({})
export class OpenerModule {
  static use(unwrappers: readonly Unwrapper[]): DynamicModule {
    const keys = {
      provide: Unwrappers,
      useFactory: (own: ServiceKeys) => follow(own, unwrappers),
      inject: [ServiceKeys],
    };
    return { module: OpenerModule, providers: [keys, OpenerService, GrantMover], exports: [OpenerService, GrantMover] };
  }
}

/** They change with the key file of the service. */
function follow(keys: ServiceKeys, first: readonly Unwrapper[]): Unwrappers {
  const unwrappers = new Unwrappers(first);
  keys.onTaken(async (file) => {
    const next = await loadUnwrappers(file);
    return () => unwrappers.take(next);
  });
  return unwrappers;
}
