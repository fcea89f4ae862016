import { Secret, utf8 } from '@bulla/crypto';
import type { FakeAnthropic, FakeMessageReply } from '@bulla/testkit';
import { startFakeAnthropic } from '@bulla/testkit';
import { afterAll, afterEach } from '@jest/globals';
import { AnthropicModel } from '../src/models/anthropic/anthropic.model.js';
import type { ModelChunk, ModelRequest } from '../src/models/model.js';
import { modelTimeouts } from '../src/models/model-settings.js';

export interface AnthropicSuite {
  readonly upstream: FakeAnthropic;
  readonly model: AnthropicModel;
  /** Speaks the older version, to models that take a budget for thinking. */
  readonly older: AnthropicModel;
  readonly follow: (replies: FakeMessageReply) => void;
  readonly collect: (more?: Partial<ModelRequest>, from?: AnthropicModel) => Promise<ModelChunk[]>;
  /** How a stream ends. */
  readonly failure: (more?: Partial<ModelRequest>) => Promise<unknown>;
  /** The body of the last request. */
  readonly sent: () => Record<string, unknown>;
}

export const anthropicQuestion = (more: Partial<ModelRequest> = {}): ModelRequest => ({
  model: 'claude',
  messages: [{ role: 'user', content: 'hello' }],
  requestId: 'inv_1',
  ...more,
});

/** A fake of the Messages API, and models that ask it, for all tests of a file. */
export async function anthropicSuite(): Promise<AnthropicSuite> {
  const upstream = await startFakeAnthropic();
  const options = { url: upstream.url, apiKey: new Secret(utf8('sk-zzKey')), timeouts: modelTimeouts(2_000) };
  const model = new AnthropicModel({ ...options, version: '2026-10-21' });
  const older = new AnthropicModel({ ...options, version: '2023-06-01', thinkingBudget: 2_048 });
  afterAll(async () => {
    await model.close();
    await older.close();
    await upstream.stop();
  });
  afterEach(() => {
    upstream.follow({});
    upstream.requests.length = 0;
  });
  const collect: AnthropicSuite['collect'] = async (more = {}, from = model) => {
    const chunks: ModelChunk[] = [];
    const signal = new AbortController().signal;
    for await (const some of from.stream(anthropicQuestion(more), signal)) chunks.push(...some);
    return chunks;
  };
  return {
    upstream,
    model,
    older,
    collect,
    follow: (replies) => upstream.follow({ replies }),
    failure: (more) =>
      collect(more).then(
        () => undefined,
        (error: unknown) => error,
      ),
    sent: () => upstream.requests.at(-1)?.json() as Record<string, unknown>,
  };
}
