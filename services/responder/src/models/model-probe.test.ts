import { startFakeOpenai } from '@bulla/testkit';
import { afterAll, expect, it } from '@jest/globals';
import { modelTimeouts } from './model-settings.js';
import type { ProbedTarget } from './model-probe.js';
import { probeModels } from './model-probe.js';
import { ModelRegistry } from './model-registry.js';
import { OpenaiModel } from './openai.model.js';

const [well, ill] = [await startFakeOpenai(), await startFakeOpenai({ replies: { status: 503, body: 'zzCanary' } })];
const modelAt = (url: string) => new OpenaiModel({ url, timeouts: modelTimeouts(2_000) });
const registry = new ModelRegistry({
  models: new Map([
    [
      'large',
      {
        targets: [{ model: modelAt(ill.url), upstream: 'ill', asksFor: 'a' }],
        fallbacks: [{ model: modelAt(well.url), upstream: 'well', asksFor: 'b' }],
      },
    ],
    ['vectors', { targets: [{ model: modelAt(well.url), upstream: 'well', can: new Set(['embeddings' as const]) }] }],
  ]),
  aliases: new Map([['fast', 'large']]),
  default: 'large',
});
afterAll(async () => {
  await registry.close();
  await Promise.all([well.stop(), ill.stop()]);
});

it('asks each target of each model once, small and the same, and says who answered and what became of the others', async () => {
  const probed: ProbedTarget[] = [];
  for await (const one of probeModels(registry)) probed.push(one);
  const durationMs = expect.any(Number) as unknown as number;
  expect(probed).toEqual([
    {
      name: 'large',
      upstream: 'ill',
      host: new URL(ill.url).host,
      outcome: 'failed',
      code: 'upstream_unavailable',
      cause: 'http_status',
      status: 503,
      durationMs,
    },
    {
      name: 'large',
      upstream: 'well',
      host: new URL(well.url).host,
      outcome: 'answered',
      model: 'b',
      usage: { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 },
      durationMs,
    },
    { name: 'vectors', upstream: 'well', host: new URL(well.url).host, outcome: 'not_asked' },
  ]);
  expect(well.requests.map((request) => request.json())).toEqual([
    expect.objectContaining({ model: 'b', max_tokens: 16, messages: [expect.objectContaining({ role: 'user' })] }),
  ]);
  expect(JSON.stringify(probed)).not.toContain('zzCanary');
});
