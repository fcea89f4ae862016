import { beforeAll, describe, expect, it } from '@jest/globals';
import { ask, storePrompt } from '../../test/asking.js';
import type { Asked, StoredPrompt, TestMember } from '../../test/asking.js';
import { suite } from '../../test/suite.js';
import { EchoModel } from '../models/echo.model.js';
import type { ModelChunk, ModelRequest } from '../models/model.js';
import { Model } from '../models/model.js';

/** Speaks to the first who ask only when it is told to. */
class SlowModel extends Model {
  override readonly name = 'slow';
  asked = 0;
  readonly #slow: number;
  readonly #echo = new EchoModel();
  readonly #told = Promise.withResolvers<void>();

  constructor(slow: number) {
    super();
    this.#slow = slow;
  }

  speak(): void {
    this.#told.resolve();
  }

  override async *stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<readonly ModelChunk[]> {
    this.asked += 1;
    if (this.asked <= this.#slow) await this.#told.promise;
    yield* this.#echo.stream(request, signal);
  }
}

const PER_KEY = 3;
const model = new SlowModel(PER_KEY);
const all = suite({ model: () => model, runLimits: { max: 4, perKey: PER_KEY, perOrganisation: 9 } });
let prompt: StoredPrompt;
beforeAll(async () => {
  prompt = await storePrompt(all.organisation);
});

const askAs = (asker: TestMember): Promise<Asked> => ask(all.organisation, prompt, { asker });

describe('one key on a slow model [red]', () => {
  it('holds no more runs than it may, and all others are answered', async () => {
    const { invoker, owner } = all.organisation;
    const held = await Promise.all(Array.from({ length: PER_KEY }, () => askAs(invoker)));
    const running = held.map((asked) => all.run(asked));
    while (model.asked < PER_KEY) await new Promise((resolve) => setTimeout(resolve, 10));
    const more = await Promise.all(Array.from({ length: 20 }, () => askAs(invoker)));
    const refused = await Promise.all(more.map((asked) => all.send(asked)));
    expect(new Set(refused.map(({ status, body }) => `${status} ${(body as { code: string }).code}`))).toEqual(
      new Set(['429 rate_limited']),
    );
    expect(refused[0]?.headers['retry-after']).toBe('1');
    const others = await Promise.all(Array.from({ length: 3 }, () => askAs(owner)));
    const answers = await Promise.all(others.map((asked) => all.run(asked, owner)));
    expect(answers.map(({ fin }) => fin.finish)).toEqual(['stop', 'stop', 'stop']);
    model.speak();
    expect((await Promise.all(running)).map(({ fin }) => fin.finish)).toEqual(['stop', 'stop', 'stop']);
  });
});
