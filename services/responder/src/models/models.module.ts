import { type DynamicModule, Module, type OnApplicationShutdown } from '@nestjs/common';
import { ModelRegistry } from './model-registry.js';
import { ModelsController } from './models.controller.js';

/** Provides the one {@link ModelRegistry} of this process, and says which names it has. */
@Module({ controllers: [ModelsController] })
export class ModelsModule implements OnApplicationShutdown {
  static use(models: ModelRegistry): DynamicModule {
    return {
      module: ModelsModule,
      providers: [{ provide: ModelRegistry, useValue: models }],
      exports: [ModelRegistry],
    };
  }

  constructor(private readonly models: ModelRegistry) {}

  async onApplicationShutdown(): Promise<void> {
    await this.models.close();
  }
}
