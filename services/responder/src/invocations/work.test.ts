import { beforeAll, describe, expect, it } from '@jest/globals';
import { ask, storePrompt } from '../../test/asking.js';
import type { StoredPrompt } from '../../test/asking.js';
import { suite } from '../../test/suite.js';
import { EchoModel } from '../models/echo.model.js';
import type { ModelChunk, ModelRequest } from '../models/model.js';
import { Model } from '../models/model.js';

/** Speaks when it is told to. */
class ThinkingModel extends Model {
  override readonly name = 'thinking';
  asked = 0;
  readonly #echo = new EchoModel();
  readonly #told = Promise.withResolvers<void>();

  speak(): void {
    this.#told.resolve();
  }

  override async *stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<readonly ModelChunk[]> {
    this.asked += 1;
    await this.#told.promise;
    yield* this.#echo.stream(request, signal);
  }
}

const model = new ThinkingModel();
// One request is at work at a time. Others may wait for it for longer than this test takes.
const all = suite({ model: () => model, limits: { requestsMax: 1, waitMs: 60_000 } });
let prompt: StoredPrompt;

beforeAll(async () => {
  prompt = await storePrompt(all.organisation);
});

describe('a run whose model takes its time', () => {
  it('leaves its place to others, and gets one again for its end', async () => {
    const streams = [false, true, false, true];
    const asked = await Promise.all(
      streams.map((stream) => ask(all.organisation, prompt, { question: { opt: { stream, privacy: 'padded' } } })),
    );
    const runs = asked.map((one) => all.run(one));
    while (model.asked < runs.length) await new Promise((resolve) => setTimeout(resolve, 10));
    model.speak();
    const ends = (await Promise.all(runs)).map(({ fin }) => fin.finish);
    expect(ends).toEqual(['stop', 'stop', 'stop', 'stop']);
  });
});
