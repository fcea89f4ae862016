import { Clock, ServiceKeys } from '@bulla/service-kit';
import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import type { VaultPlace } from './vault-requests.js';
import { VaultRequests } from './vault-requests.js';

/** How the rooms of this responder ask its vault. */
@Module({})
export class VaultModule {
  static use(place: VaultPlace): DynamicModule {
    const requests = {
      provide: VaultRequests,
      inject: [ServiceKeys, Clock],
      useFactory: (keys: ServiceKeys, clock: Clock) => new VaultRequests(place, keys, clock),
    };
    return { module: VaultModule, providers: [requests], exports: [VaultRequests] };
  }
}
