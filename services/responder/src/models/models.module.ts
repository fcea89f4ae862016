import { type DynamicModule, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Model } from './model.js';

/** Provides the one {@link Model} of this process. */
@Module({})
export class ModelsModule implements OnApplicationShutdown {
  static use(model: Model): DynamicModule {
    return { module: ModelsModule, providers: [{ provide: Model, useValue: model }], exports: [Model] };
  }

  constructor(private readonly model: Model) {}

  async onApplicationShutdown(): Promise<void> {
    await this.model.close();
  }
}
