import { describe, expect, it } from '@jest/globals';
import { ask, storePrompt } from '../../test/asking.js';
import { suite } from '../../test/suite.js';
import type { ModelChunk, ModelDelta, ModelRequest } from '../models/model.js';
import { Model } from '../models/model.js';

/** Says what it is given, all at once. */
class ReadyModel extends Model {
  override readonly name = 'ready';
  deltas: readonly ModelDelta[] = [];

  override async *stream({ requestId }: ModelRequest): AsyncIterable<readonly ModelChunk[]> {
    const rest = { id: requestId, object: 'chat.completion.chunk', created: 1, model: 'ready' } as const;
    for (const delta of this.deltas) yield [{ ...rest, choices: [{ index: 0, delta, finish_reason: null }] }];
    yield [{ ...rest, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }];
  }
}

const model = new ReadyModel();
const all = suite({ model: () => model });

describe('the first words of an answer', () => {
  it.each<[string, readonly ModelDelta[], number]>([
    ['words', [{ role: 'assistant', content: '' }, { content: 'Yes' }, { content: ', it is' }, { content: '.' }], 2],
    ['words after thoughts', [{ reasoning_content: 'hm' }, { content: 'Yes' }, { content: '.' }], 3],
    ['a refusal', [{ role: 'assistant' }, { refusal: 'No' }, { refusal: '.' }], 2],
    ['a call of a tool', [{ tool_calls: [{ index: 0, id: 'call_1' }] }, { tool_calls: [{ index: 0 }] }], 2],
    ['nothing', [{ role: 'assistant', content: '' }], 1],
  ])('go out at once in a stream, and the rest together: %s', async (_name, deltas, frames) => {
    model.deltas = deltas;
    const prompt = await storePrompt(all.organisation);
    const answered = async (stream: boolean) => {
      const question = { opt: { stream, privacy: 'padded' as const } };
      return (await all.run(await ask(all.organisation, prompt, { question }))).fin.n;
    };
    expect([await answered(true), await answered(false)]).toEqual([frames, 1]);
  });
});
