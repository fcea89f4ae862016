import { describe, expect, it } from '@jest/globals';
import { caughtRefusal } from '../../../test/apps/caught-refusal.js';
import type { AppObject } from '../app-body.js';
import { readResponses } from './responses-request.js';

const look = { type: 'function', name: 'look', description: 'looks', parameters: { type: 'object' }, strict: true };
const chatLook = {
  type: 'function',
  function: { name: 'look', description: 'looks', parameters: { type: 'object' }, strict: true },
};
const said = (content: unknown) => [{ role: 'user', content }];
const refusedBy = (body: AppObject) => caughtRefusal(() => readResponses(body, {}));

describe('what is asked beside the input', () => {
  it.each<[string, object, object]>([
    ['nothing', {}, {}],
    ['what is null, as nothing', { temperature: null, tools: null, metadata: null, text: null, store: null }, {}],
    [
      'numbers',
      { temperature: 0.5, top_p: 1, top_logprobs: 2 },
      { temperature: 0.5, top_p: 1, logprobs: true, top_logprobs: 2 },
    ],
    ['probabilities', { include: ['message.output_text.logprobs'] }, { logprobs: true }],
    ['reasoning that nobody has, as Codex does', { include: ['reasoning.encrypted_content'] }, {}],
    ['an effort', { reasoning: { effort: 'low', summary: 'auto' } }, { reasoning_effort: 'low' }],
    ['a function', { tools: [look], tool_choice: 'auto' }, { tools: [chatLook], tool_choice: 'auto' }],
    [
      'one function, one at a time',
      { tools: [look], tool_choice: { type: 'function', name: 'look' }, parallel_tool_calls: false },
      { tools: [chatLook], tool_choice: { type: 'function', function: { name: 'look' } }, parallel_tool_calls: false },
    ],
    ['no function, as Codex says it', { tools: [], tool_choice: 'auto', parallel_tool_calls: false }, {}],
    [
      'a function without parameters',
      { tools: [{ type: 'function', name: 'look', parameters: null, strict: null, description: null }] },
      { tools: [{ type: 'function', function: { name: 'look' } }] },
    ],
    ['text', { text: { format: { type: 'text' } } }, {}],
    ['few words', { text: { verbosity: 'low' } }, { verbosity: 'low' }],
    ['JSON', { text: { format: { type: 'json_object' } } }, { response_format: { type: 'json_object' } }],
    [
      'JSON of a schema',
      { text: { format: { type: 'json_schema', name: 'a', schema: { type: 'object' }, strict: true } } },
      {
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'a', schema: { type: 'object' }, strict: true },
        },
      },
    ],
    [
      'hints, which are passed over',
      {
        user: 'u',
        safety_identifier: 's',
        prompt_cache_key: 'k',
        service_tier: 'priority',
        client_metadata: {},
        stream_options: { include_obfuscation: false },
        max_tool_calls: 1,
        store: false,
        background: false,
        truncation: 'auto',
      },
      {},
    ],
  ])('may be %s', (_name, more, wanted) => {
    expect(readResponses({ model: 'm', input: 'x', ...more }, {}).question.parameters).toEqual(wanted);
  });

  it.each<[string, object, string]>([
    ['an earlier response [guard: app-member-refused]', { previous_response_id: 'resp_1' }, '/previous_response_id'],
    ['that a server keeps it', { store: true }, '/store'],
    ['an answer for later', { background: true }, '/background'],
    ['a conversation at a server', { conversation: 'conv_1' }, '/conversation'],
    ['what is not known [guard: app-member-unknown]', { frequency: 1 }, '/frequency'],
    ['sources of a search [guard: responses-include]', { include: ['web_search_call.action.sources'] }, '/include/0'],
    ['a search', { tools: [{ type: 'web_search' }] }, '/tools/0/type'],
    ['a tool of an unknown type', { tools: [look, { type: 'magic' }] }, '/tools/1/type'],
    ['a tool with a member more', { tools: [{ ...look, defer_loading: true }] }, '/tools/0'],
    ['a tool where there is none [guard: responses-choice-tools]', { tool_choice: 'required' }, '/tool_choice'],
    [
      'some of the tools',
      { tools: [look], tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [] } },
      '/tool_choice',
    ],
    ['text in another form', { text: { format: { type: 'grammar' } } }, '/text/format/type'],
    ['a temperature in words', { temperature: 'warm' }, '/temperature'],
    ['a stream in words', { stream: 'yes' }, '/stream'],
    [
      'a stored prompt with a picture',
      { prompt: { id: 'p', variables: { a: { type: 'input_image' } } } },
      '/prompt/variables/a',
    ],
  ])('is not %s', (_name, more, pointer) => {
    expect(refusedBy({ model: 'm', input: 'x', ...more }).pointer).toBe(pointer);
  });

  it('names the tool that is refused [guard: responses-function-only], and says what to do without an earlier response', () => {
    expect(refusedBy({ input: 'x', tools: [{ type: 'web_search' }] }).message).toContain('web_search');
    expect(refusedBy({ input: 'x', previous_response_id: 'resp_1' }).message).toMatch(
      /^previous_response_id is not passed on: .* send the whole conversation as input$/,
    );
  });

  it('drops what is not known where that is wanted, and refuses state and all else of a stored prompt all the same', () => {
    const body = { input: 'x', frequency: 1 };
    expect(readResponses(body, { passUnknown: true }).question.messages).toEqual(said('x'));
    expect(() => readResponses({ ...body, store: true }, { passUnknown: true })).toThrow(/store/);
    expect(() => readResponses({ ...body, model: 'prompt:a' }, { passUnknown: true })).toThrow(/frequency/);
  });
});

it('takes instructions as the first message', () => {
  const { question } = readResponses({ input: 'x', instructions: 'Be brief.', max_output_tokens: 9 }, {});
  expect(question.maxOutputTokens).toBe(9);
  expect(question.messages).toEqual([{ role: 'system', content: 'Be brief.' }, ...said('x')]);
});

it.each<[string, object, string, object]>([
  ['its name', { id: 'claims/triage', variables: {} }, 'prompt:claims/triage', {}],
  ['a version', { id: 'claims/triage', version: '3', variables: {} }, 'prompt:claims/triage@3', {}],
  [
    'variables',
    { id: 'prompt:claims/triage', variables: { a: 'x', b: { type: 'input_text', text: 'y' } } },
    'prompt:claims/triage',
    { a: 'x', b: 'y' },
  ],
])('knows a stored prompt by %s', (_name, prompt, model, vars) => {
  expect(readResponses({ prompt, stream: true }, {})).toMatchObject({
    question: { model, messages: [], vars },
    stream: true,
  });
});

it('takes variables of a stored prompt from the metadata too', () => {
  const body = { model: 'prompt:a@staging', input: 'x', metadata: { bulla_vars: '{"claim":"y"}', other: 'z' } };
  expect(readResponses(body, {}).question).toMatchObject({ model: 'prompt:a@staging', vars: { claim: 'y' } });
});

it.each<[string, object, string]>([
  ['instructions [guard: responses-prompt-instructions]', { instructions: 'Be brief.' }, '/instructions'],
  [
    'instructions in its input [guard: app-question-instructions]',
    { input: [{ role: 'developer', content: 'Be brief.' }] },
    '/input',
  ],
  ['a member that is not known', { frequency: 1 }, '/frequency'],
])('takes no %s with a stored prompt', (_name, more, pointer) => {
  expect(refusedBy({ prompt: { id: 'a' }, ...more }).pointer).toBe(pointer);
});

it.each<[string, object, string]>([
  ['an empty input [guard: app-question-empty]', { input: [] }, '/input'],
  [
    'an effort of two words [guard: app-question-parameters]',
    { reasoning: { effort: 'very high' } },
    '/reasoning/effort',
  ],
  ['a name of a tool of two words', { tools: [{ ...look, name: 'look up' }] }, '/tools'],
  ['a format of two words', { text: { format: { type: 'json_schema', name: 'a b', schema: {} } } }, '/text/format'],
  [
    'an empty picture [guard: app-question-messages]',
    { input: said([{ type: 'input_image', image_url: 'data:image/png;base64,' }]) },
    '/input',
  ],
])('refuses %s, which no sealed question holds', (_name, more, pointer) => {
  expect(refusedBy({ model: 'm', input: 'x', ...more }).pointer).toBe(pointer);
});

it('takes what Codex sends in the second turn of a conversation', () => {
  const message = (type: string, role: string, text: string) => ({ type: 'message', role, content: [{ type, text }] });
  const body = {
    model: 'small',
    instructions: 'You are a coding agent.',
    input: [
      message('input_text', 'developer', 'Ask before you write.'),
      message('input_text', 'user', 'List the files.'),
      { type: 'reasoning', summary: [], content: null, encrypted_content: 'AAAA' },
      { ...message('output_text', 'assistant', 'I look.'), phase: 'commentary' },
      { type: 'function_call', name: 'shell', arguments: '{"command":["ls"]}', call_id: 'call_1' },
      { type: 'function_call_output', call_id: 'call_1', output: 'README.md' },
    ],
    tools: [{ ...look, name: 'shell', strict: false }],
    tool_choice: 'auto',
    parallel_tool_calls: true,
    reasoning: { effort: 'medium', summary: 'auto' },
    store: false,
    stream: true,
    include: ['reasoning.encrypted_content'],
    prompt_cache_key: 'thread-1',
    text: { verbosity: 'low' },
    client_metadata: { 'x-codex-installation-id': 'i' },
  };
  const { question, stream } = readResponses(body, {});
  expect(stream).toBe(true);
  expect(question.messages).toEqual([
    { role: 'system', content: 'You are a coding agent.' },
    { role: 'developer', content: 'Ask before you write.' },
    { role: 'user', content: 'List the files.' },
    {
      role: 'assistant',
      content: 'I look.',
      tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'shell', arguments: '{"command":["ls"]}' } }],
    },
    { role: 'tool', tool_call_id: 'call_1', content: 'README.md' },
  ]);
  expect(question.parameters).toMatchObject({ reasoning_effort: 'medium', verbosity: 'low', tool_choice: 'auto' });
});
