import { describe, expect, it } from '@jest/globals';
import { caughtRefusal } from '../../../test/apps/caught-refusal.js';
import type { AppObject } from '../app-body.js';
import { readMessages } from './messages-request.js';

const user = (content: unknown) => [{ role: 'user', content }];
const given = { model: 'm', max_tokens: 9, messages: user('x') };
const look = { name: 'look', description: 'looks', input_schema: { type: 'object' } };
const chatLook = {
  type: 'function',
  function: { name: 'look', description: 'looks', parameters: { type: 'object' } },
};
const cached = { cache_control: { type: 'ephemeral' } };

const questionOf = (more: AppObject) => readMessages({ ...given, ...more }, {}).question;
const refusedBy = (more: AppObject) => caughtRefusal(() => readMessages({ ...given, ...more }, {}));

it.each<[string, AppObject, unknown[]]>([
  ['text', { system: 'Be brief.' }, [{ role: 'system', content: 'Be brief.' }]],
  [
    'blocks',
    {
      system: [
        { type: 'text', text: 'Be brief.', ...cached },
        { type: 'text', text: 'Be kind.' },
      ],
    },
    [{ role: 'system', content: 'Be brief.\n\nBe kind.' }],
  ],
  ['nothing', { system: '' }, []],
])('takes a system of %s', (_name, more, messages) => {
  expect(questionOf(more).messages).toEqual([...messages, ...user('x')]);
});

describe('what is asked beside the messages', () => {
  it.each<[string, AppObject, object]>([
    ['nothing', {}, {}],
    ['numbers', { temperature: 0.5, top_p: 1 }, { temperature: 0.5, top_p: 1 }],
    ['places to stop', { stop_sequences: ['a', 'b'] }, { stop: ['a', 'b'] }],
    ['no place to stop', { stop_sequences: [] }, {}],
    ['a tool', { tools: [{ ...look, ...cached }] }, { tools: [chatLook] }],
    ['a tool by its type', { tools: [{ ...look, type: 'custom' }] }, { tools: [chatLook] }],
    [
      'any tool, one at a time',
      { tools: [look], tool_choice: { type: 'any', disable_parallel_tool_use: true } },
      { tools: [chatLook], tool_choice: 'required', parallel_tool_calls: false },
    ],
    [
      'one tool',
      { tools: [look], tool_choice: { type: 'tool', name: 'look' } },
      { tools: [chatLook], tool_choice: { type: 'function', function: { name: 'look' } } },
    ],
    ['no tool', { tools: [look], tool_choice: { type: 'none' } }, { tools: [chatLook], tool_choice: 'none' }],
    ['a choice without a tool', { tools: [], tool_choice: { type: 'auto' } }, {}],
    ['an effort', { output_config: { effort: 'low' }, thinking: { type: 'adaptive' } }, { reasoning_effort: 'low' }],
    ['thinking, however much', { thinking: { type: 'enabled', budget_tokens: 1_024 } }, {}],
    [
      'JSON of a schema',
      { output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } },
      {
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'answer', schema: { type: 'object' }, strict: true },
        },
      },
    ],
    ['hints, which are passed over', { ...cached, service_tier: 'auto', metadata: { user_id: 'u' } }, {}],
  ])('may be %s', (_name, more, parameters) => {
    expect(questionOf(more)).toEqual({ ...questionOf({}), parameters });
  });

  it.each<[string, AppObject, string]>([
    ['tokens to choose from', { top_k: 5 }, '/top_k'],
    ['a container', { container: 'c' }, '/container'],
    ['what is not known', { frequency: 1 }, '/frequency'],
    ['a search', { tools: [{ type: 'web_search_20260318', name: 'web_search' }] }, '/tools/0/type'],
    ['a tool without a schema', { tools: [{ name: 'look' }] }, '/tools/0/input_schema'],
    ['a tool that is loaded later', { tools: [{ ...look, defer_loading: true }] }, '/tools/0/defer_loading'],
    ['a tool where there is none [guard: messages-choice-tools]', { tool_choice: { type: 'any' } }, '/tool_choice'],
    ['a tool of another kind', { tools: [look], tool_choice: { type: 'some' } }, '/tool_choice/type'],
    ['five places to stop', { stop_sequences: ['a', 'b', 'c', 'd', 'e'] }, '/stop_sequences'],
    ['no limit', { max_tokens: null }, '/max_tokens'],
    ['no model', { model: null }, '/model'],
    ['no messages', { messages: null }, '/messages'],
    ['an empty list of messages', { messages: [] }, '/messages'],
    ['an effort of two words', { output_config: { effort: 'very high' } }, '/output_config/effort'],
    ['any object', { output_config: { format: { type: 'json_object' } } }, '/output_config/format/type'],
    ['a picture in the system', { system: [{ type: 'image' }] }, '/system/0/type'],
  ])('is not %s', (_name, more, pointer) => {
    expect(refusedBy(more)).toMatchObject({ code: 'validation_failed', pointer });
  });

  it('names the tool that a server would run [guard: messages-tool-custom]', () => {
    expect(refusedBy({ tools: [{ type: 'web_search_20260318', name: 'w' }] }).message).toContain('web_search');
    expect(refusedBy({ tools: [{ type: 'bash_20250124', name: 'bash' }] }).message).toContain('bash');
  });
});

describe('a stored prompt', () => {
  const prompt = { model: 'prompt:claims/triage@3', messages: [] };

  it('is the model, and metadata has its variables', () => {
    expect(questionOf({ ...prompt, metadata: { bulla_vars: { claim: 'y' } } })).toMatchObject({
      model: 'prompt:claims/triage@3',
      messages: [],
      vars: { claim: 'y' },
      maxOutputTokens: 9,
    });
  });

  it('instructs alone [guard: messages-prompt-system]', () => {
    expect(refusedBy({ ...prompt, system: 'Be brief.' }).pointer).toBe('/system');
  });

  it('takes no member that is not known, whatever is wanted', () => {
    const body = { ...given, frequency: 1 };
    expect(readMessages(body, { passUnknown: true }).question.model).toBe('m');
    expect(() => readMessages({ ...body, ...prompt }, { passUnknown: true })).toThrow(/frequency/);
  });
});

it('takes what Claude Code sends', () => {
  const text = (said: string, more: object = {}) => ({ type: 'text', text: said, ...more });
  const body = {
    model: 'small',
    max_tokens: 32_000,
    system: [text('You are a coding agent.', cached), text('Be brief.', { ...cached })],
    messages: [
      { role: 'user', content: [text('List the files.'), text('<system-reminder>', cached)] },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: 's' },
          { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: { command: 'ls' }, caller: { type: 'direct' } },
        ],
      },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'README.md', ...cached }] },
    ],
    tools: [{ ...look, name: 'Bash', eager_input_streaming: true }],
    metadata: { user_id: '{"device_id":"d"}' },
    thinking: { type: 'adaptive', budget_tokens: 0 },
    context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
    output_config: { effort: 'medium' },
    stream: true,
  };
  const { question, stream } = readMessages(body, {});
  expect(stream).toBe(true);
  expect(question.messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'tool']);
  expect(question.parameters).toMatchObject({ reasoning_effort: 'medium', tools: [{ function: { name: 'Bash' } }] });
});
