import { expect, it } from '@jest/globals';
import { NestFactory } from '@nestjs/core';
import { EchoModel } from './echo.model.js';
import { ModelRegistry } from './model-registry.js';
import { ModelsModule } from './models.module.js';

it('provides the models it was given, and closes each of them once with the application', async () => {
  let closed = 0;
  class Closing extends EchoModel {
    override async close(): Promise<void> {
      closed += 1;
    }
  }
  const [one, other] = [new Closing(), new Closing()];
  const entryOf = (model: Closing) => ({ targets: [{ model, upstream: 'u' }] });
  const entries = new Map([
    ['a', entryOf(one)],
    ['b', entryOf(one)],
  ]);
  const models = new ModelRegistry({ models: entries, default: 'a', others: entryOf(other) });
  const app = await NestFactory.createApplicationContext(ModelsModule.use(models), {
    logger: false,
    abortOnError: false,
  });
  expect(app.get(ModelRegistry)).toBe(models);
  await app.close();
  expect(closed).toBe(2);
});
