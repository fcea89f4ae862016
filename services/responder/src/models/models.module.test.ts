import { expect, it } from '@jest/globals';
import { NestFactory } from '@nestjs/core';
import { EchoModel } from './echo.model.js';
import { Model } from './model.js';
import { ModelsModule } from './models.module.js';

it('provides the model it was given, and closes it with the application', async () => {
  let closed = 0;
  class Closing extends EchoModel {
    override async close(): Promise<void> {
      closed += 1;
    }
  }
  const model = new Closing();
  const app = await NestFactory.createApplicationContext(ModelsModule.use(model), {
    logger: false,
    abortOnError: false,
  });
  expect(app.get(Model)).toBe(model);
  await app.close();
  expect(closed).toBe(1);
});
