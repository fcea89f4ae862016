import { describe, expect, it } from '@jest/globals';
import type { ModelRequest } from '../model.js';
import { ModelError } from '../model-error.js';
import { anthropicSuite } from '../../../test/anthropic-suite.js';

const { collect, failure, model, older, sent, upstream } = await anthropicSuite();

const PNG = 'iVBORw0KGgo=';
describe('a question to the Messages API', () => {
  it('has its key, its version and its id in headers, and no bearer token', async () => {
    await collect();
    expect(upstream.requests.at(-1)?.headers).toMatchObject({
      'x-api-key': 'sk-zzKey',
      'anthropic-version': '2026-10-21',
      'x-request-id': 'inv_1',
    });
    expect(upstream.requests.at(-1)?.headers).not.toHaveProperty('authorization');
    expect(sent()).toEqual({
      model: 'claude',
      max_tokens: 8_192,
      stream: true,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
    });
  });

  it('has instructions apart, images, files, calls and their results, in turns', async () => {
    const call = (id: string) => ({ id, type: 'function' as const, function: { name: 'f', arguments: '{"a":1}' } });
    await collect({
      messages: [
        { role: 'system', content: 'one' },
        { role: 'developer', content: [{ type: 'text', text: 'two' }] },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'look' },
            { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}` } },
            { type: 'file', file: { file_data: `data:application/pdf;base64,${PNG}`, filename: 'a.pdf' } },
            { type: 'file', file: { file_data: `data:text/csv;base64,${Buffer.from('a;b').toString('base64')}` } },
          ],
        },
        {
          role: 'assistant',
          content: 'so',
          tool_calls: [call('t1'), { ...call('t2'), function: { name: 'g', arguments: '' } }],
        },
        { role: 'tool', tool_call_id: 't1', content: '1' },
        { role: 'tool', tool_call_id: 't2', content: '2' },
        { role: 'user', content: 'well?' },
        { role: 'assistant', refusal: 'no' },
        { role: 'user', content: '' },
      ],
    });
    expect(sent()).toMatchObject({
      system: 'one\n\ntwo',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'look' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } },
            { type: 'document', title: 'a.pdf', source: { type: 'base64', media_type: 'application/pdf', data: PNG } },
            { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'a;b' } },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'so' },
            { type: 'tool_use', id: 't1', name: 'f', input: { a: 1 } },
            { type: 'tool_use', id: 't2', name: 'g', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 't1', content: '1' },
            { type: 'tool_result', tool_use_id: 't2', content: '2' },
            { type: 'text', text: 'well?' },
          ],
        },
        { role: 'assistant', content: [{ type: 'text', text: 'no' }] },
      ],
    });
  });

  it.each<[string, ModelRequest['parameters'], object]>([
    ['a stop', { stop: 'x' }, { stop_sequences: ['x'] }],
    ['stops', { stop: ['x', 'y'] }, { stop_sequences: ['x', 'y'] }],
    [
      'a tool',
      {
        tools: [
          { type: 'function', function: { name: 'f', description: 'd', parameters: { type: 'object' }, strict: true } },
        ],
      },
      { tools: [{ name: 'f', description: 'd', input_schema: { type: 'object' }, strict: true }] },
    ],
    [
      'a choice of any tool, one at a time',
      { tools: [{ type: 'function', function: { name: 'f' } }], tool_choice: 'required', parallel_tool_calls: false },
      {
        tools: [{ name: 'f', input_schema: { type: 'object' } }],
        tool_choice: { type: 'any', disable_parallel_tool_use: true },
      },
    ],
    [
      'a choice of one tool',
      {
        tools: [{ type: 'function', function: { name: 'f' } }],
        tool_choice: { type: 'function', function: { name: 'f' } },
      },
      { tool_choice: { type: 'tool', name: 'f' } },
    ],
    [
      'no tools',
      { tools: [{ type: 'function', function: { name: 'f' } }], tool_choice: 'none' },
      { tool_choice: { type: 'none' } },
    ],
    [
      'a schema',
      { response_format: { type: 'json_schema', json_schema: { name: 's', schema: { type: 'object' } } } },
      { output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } },
    ],
    ['an effort', { reasoning_effort: 'high' }, { thinking: { type: 'adaptive' }, output_config: { effort: 'high' } }],
    ['no effort', { reasoning_effort: 'none' }, { thinking: { type: 'disabled' } }],
  ])('has %s', async (_name, parameters, members) => {
    await collect({ parameters });
    expect(sent()).toMatchObject(members);
  });

  it('has a temperature at the older version, and a budget for thinking beside that of the answer', async () => {
    await collect(
      { parameters: { temperature: 0.5, top_p: 0.9, reasoning_effort: 'low' }, maxOutputTokens: 100 },
      older,
    );
    expect(upstream.requests.at(-1)?.headers['anthropic-version']).toBe('2023-06-01');
    expect(sent()).toMatchObject({
      temperature: 0.5,
      top_p: 0.9,
      max_tokens: 2_148,
      thinking: { type: 'enabled', budget_tokens: 2_048 },
    });
    const call = { id: 't', type: 'function' as const, function: { name: 'f', arguments: '{}' } };
    const loop: ModelRequest['messages'] = [
      { role: 'user', content: 'a' },
      { role: 'assistant', tool_calls: [call] },
      { role: 'tool', tool_call_id: 't', content: '1' },
    ];
    await collect({ parameters: { reasoning_effort: 'low' }, messages: loop }, older);
    expect(sent()).toMatchObject({ thinking: { type: 'disabled' } });
  });

  const file = { type: 'file' as const, file: { file_data: 'data:text/plain;base64,/w==' } };
  const broken = { id: 't', type: 'function' as const, function: { name: 'f', arguments: '[1]' } };
  it.each<[string, Partial<ModelRequest>, string]>([
    ['a temperature [guard: anthropic-sampling]', { parameters: { temperature: 0 } }, 'sampling'],
    ['a seed', { parameters: { seed: 1 } }, 'sampling'],
    [
      'any object [guard: anthropic-format]',
      { parameters: { response_format: { type: 'json_object' } } },
      'json_schema',
    ],
    ['an effort of its own [guard: anthropic-effort]', { parameters: { reasoning_effort: 'frantic' } }, 'reasoning'],
    ['verbosity', { parameters: { verbosity: 'low' } }, 'reasoning'],
    ['a file that is no text [guard: anthropic-file]', { messages: [{ role: 'user', content: [file] }] }, 'files'],
    [
      'arguments that are a list [guard: anthropic-arguments]',
      { messages: [{ role: 'assistant', tool_calls: [broken] }] },
      'tools',
    ],
  ])('with %s is not sent, and says why', async (_name, more, need) => {
    const error = await failure(more);
    expect(error).toBeInstanceOf(ModelError);
    expect(error).toMatchObject({ code: 'model_incapable', fault: { cause: `needs_${need}` } });
    expect(upstream.requests).toEqual([]);
  });

  it('is for the only model that the server lists where none is named', async () => {
    upstream.follow({ models: ['the-only'] });
    await collect({ model: undefined });
    expect(sent()['model']).toBe('the-only');
    expect(await model.list(new AbortController().signal)).toEqual(['the-only']);
  });
});
