import { describe, expect, it } from '@jest/globals';
import { caughtRefusal } from '../../../test/apps/caught-refusal.js';
import type { AppObject } from '../app-body.js';
import { readResponses } from './responses-request.js';

const PNG = 'data:image/png;base64,iVBORw0KGgo=';
const PDF = 'data:application/pdf;base64,JVBERi0x';
const call = {
  type: 'function_call',
  id: 'fc_1',
  call_id: 'call_1',
  name: 'look',
  arguments: '{}',
  status: 'completed',
};
const chatCall = { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } };
const output = (value: unknown) => ({ type: 'function_call_output', call_id: 'call_1', output: value });
const said = (content: unknown) => [{ role: 'user', content }];
const refusedBy = (body: AppObject) => caughtRefusal(() => readResponses(body, {}));

describe('the input of a response', () => {
  it.each<[string, unknown, object[]]>([
    ['text', 'Hello', said('Hello')],
    ['a message without a type', said('Hello'), said('Hello')],
    ['one part of text', said([{ type: 'input_text', text: 'Hello' }]), said('Hello')],
    ['no part', said([]), said('')],
    [
      'a picture and a file',
      said([
        { type: 'input_text', text: 'What is it?' },
        { type: 'input_image', image_url: PNG, detail: 'low' },
        { type: 'input_file', file_data: PDF, filename: 'a.pdf' },
      ]),
      said([
        { type: 'text', text: 'What is it?' },
        { type: 'image_url', image_url: { url: PNG, detail: 'low' } },
        { type: 'file', file: { file_data: PDF, filename: 'a.pdf' } },
      ]),
    ],
    [
      'instructions in the middle',
      [
        { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'Be brief.' }] },
        { type: 'message', role: 'system', content: 'Be kind.' },
      ],
      [
        { role: 'developer', content: 'Be brief.' },
        { role: 'system', content: 'Be kind.' },
      ],
    ],
    [
      'what a model said, as its response has it',
      [
        {
          id: 'msg_1',
          type: 'message',
          role: 'assistant',
          status: 'completed',
          phase: 'final_answer',
          content: [{ type: 'output_text', text: 'Yes.', annotations: [], logprobs: [] }],
        },
      ],
      [{ role: 'assistant', content: 'Yes.' }],
    ],
    [
      'what a model refused',
      [{ role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] }],
      [{ role: 'assistant', content: null, refusal: 'No.' }],
    ],
    [
      'calls of functions, which are one message with what was said at once',
      [
        { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'x' },
        { role: 'assistant', content: 'I look.' },
        call,
        { ...call, call_id: 'call_2', parsed_arguments: {}, caller: { type: 'direct' }, namespace: null },
        output('seen'),
        { type: 'function_call_output', call_id: 'call_2', output: [{ type: 'input_text', text: 'seen too' }] },
      ],
      [
        { role: 'assistant', content: 'I look.', tool_calls: [chatCall, { ...chatCall, id: 'call_2' }] },
        { role: 'tool', tool_call_id: 'call_1', content: 'seen' },
        { role: 'tool', tool_call_id: 'call_2', content: 'seen too' },
      ],
    ],
    [
      'a picture in a result, which is shown after all results',
      [
        call,
        output([
          { type: 'input_text', text: 'see' },
          { type: 'input_image', image_url: PNG },
        ]),
        { type: 'function_call_output', call_id: 'call_2', output: 'other' },
        { role: 'user', content: 'And?' },
      ],
      [
        { role: 'assistant', content: null, tool_calls: [chatCall] },
        { role: 'tool', tool_call_id: 'call_1', content: 'see' },
        { role: 'tool', tool_call_id: 'call_2', content: 'other' },
        { role: 'user', content: [{ type: 'image_url', image_url: { url: PNG } }] },
        { role: 'user', content: 'And?' },
      ],
    ],
  ])('may be %s', (_name, input, messages) => {
    expect(readResponses({ model: 'm', input }, {}).question.messages).toEqual(messages);
  });

  it.each<[string, unknown, string]>([
    ['a number', 1, '/input'],
    ['an item of no type that is known', [{ type: 'poem' }], '/input/0/type'],
    ['an item that is no object', ['Hello'], '/input/0/type'],
    ['a reference to what a server keeps', [{ type: 'item_reference', id: 'msg_1' }], '/input/0/type'],
    [
      'a call of what is no function',
      [{ type: 'custom_tool_call', call_id: 'c', name: 'n', input: '' }],
      '/input/0/type',
    ],
    ['a message of nobody', [{ content: 'x' }], '/input/0/role'],
    ['a message with a member more', [{ role: 'user', content: 'x', channel: 'y' }], '/input/0'],
    [
      'a picture at an address',
      said([{ type: 'input_image', image_url: 'https://a.example/a.png' }]),
      '/input/0/content/0/image_url',
    ],
    [
      'a picture that a server keeps',
      said([{ type: 'input_image', file_id: 'file-1' }]),
      '/input/0/content/0/image_url',
    ],
    [
      'a picture of an unknown type',
      said([{ type: 'input_image', image_url: 'data:image/svg+xml;base64,eA==' }]),
      '/input/0/content/0/image_url',
    ],
    [
      'a file at an address',
      said([{ type: 'input_file', file_url: 'https://a.example/a.pdf' }]),
      '/input/0/content/0/file_data',
    ],
    ['a sound', said([{ type: 'input_audio', input_audio: {} }]), '/input/0/content/0/type'],
    [
      'a picture among instructions',
      [{ role: 'system', content: [{ type: 'input_image', image_url: PNG }] }],
      '/input/0/content',
    ],
    ['a call whose arguments are no text [guard: app-shape]', [{ ...call, arguments: {} }], '/input/0/arguments'],
    ['a call by a program of a server', [{ ...call, caller: { type: 'program' } }], '/input/0/caller/type'],
    ['a result of no call', [{ type: 'function_call_output', output: 'x' }], '/input/0/call_id'],
  ])('is not %s', (_name, input, pointer) => {
    expect(refusedBy({ input }).pointer).toBe(pointer);
  });

  it('is refused without a word of what stood there', () => {
    const canary = 'CANARY-7c1e';
    const bodies = [
      { input: [{ type: canary }] },
      { input: [{ role: canary, content: canary }] },
      { input: said([{ type: 'input_image', image_url: canary }]) },
      { input: 'x', tools: [{ type: canary }] },
      { input: 'x', include: [canary] },
      { input: 'x', store: canary },
      { input: 'x', [`${canary} !`]: 1 },
    ];
    for (const body of bodies) expect(JSON.stringify(refusedBy(body))).not.toContain(canary);
  });
});
