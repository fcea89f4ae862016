import { describe, expect, it } from '@jest/globals';
import type { ModelRequest } from './model.js';
import { needsOf } from './needs.js';

const user = (content: string) => ({ role: 'user' as const, content });
const call = { id: 'c1', type: 'function' as const, function: { name: 'f', arguments: '{}' } };
const URL = 'data:image/png;base64,AAAA';

describe('what a request needs', () => {
  it.each<[string, Partial<ModelRequest>, string[]]>([
    ['words', {}, []],
    ['tools', { parameters: { tools: [{ type: 'function', function: { name: 'f' } }] } }, ['tools']],
    ['a call of before', { messages: [{ role: 'assistant', tool_calls: [call] }] }, ['tools']],
    ['a result of before', { messages: [{ role: 'tool', tool_call_id: 'c1', content: '1' }] }, ['tools']],
    [
      'an image',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: URL } }] }] },
      ['images'],
    ],
    ['a file', { messages: [{ role: 'user', content: [{ type: 'file', file: { file_data: URL } }] }] }, ['files']],
    [
      'a schema',
      { parameters: { response_format: { type: 'json_schema', json_schema: { name: 's' } } } },
      ['json_schema'],
    ],
    ['any object', { parameters: { response_format: { type: 'json_object' } } }, []],
    ['effort', { parameters: { reasoning_effort: 'low' } }, ['reasoning']],
    ['probabilities', { parameters: { logprobs: true } }, ['logprobs']],
    ['the likeliest', { parameters: { top_logprobs: 2 } }, ['logprobs']],
    ['a temperature', { parameters: { temperature: 0 } }, ['sampling']],
    ['a seed', { parameters: { seed: 7 } }, ['sampling']],
    ['verbosity', { parameters: { verbosity: 'low' } }, ['reasoning']],
    ['several answers', { parameters: { n: 2 } }, ['choices']],
    ['one answer', { parameters: { n: 1 } }, []],
    ['no probabilities', { parameters: { logprobs: false } }, []],
  ])('with %s is known', (_name, part, needed) => {
    expect(needsOf({ messages: [user('hello')], requestId: 'inv_1', ...part })).toEqual(['chat', ...needed]);
  });
});
