import { describe, expect, it } from '@jest/globals';
import { caughtRefusal } from '../../../test/apps/caught-refusal.js';
import { chatMessages } from './messages-input.js';

const PNG = 'iVBORw0KGgo=';
const user = (content: unknown) => [{ role: 'user', content }];
const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } };
const shownImage = { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}` } };
const pdf = { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0x' };
const use = { type: 'tool_use', id: 'toolu_1', name: 'look', input: { at: 1 } };
const call = { id: 'toolu_1', type: 'function', function: { name: 'look', arguments: '{"at":1}' } };
const result = { type: 'tool_result', tool_use_id: 'toolu_1' };
const cached = { cache_control: { type: 'ephemeral' } };

describe('the messages of a request', () => {
  it.each<[string, unknown[], unknown[]]>([
    ['text', user('x'), user('x')],
    ['no block', user([]), user('')],
    ['a block of text', user([{ type: 'text', text: 'x', ...cached }]), user('x')],
    [
      'a picture and documents',
      user([
        { type: 'text', text: 'What is it?' },
        image,
        { type: 'document', source: pdf, title: 'a.pdf', citations: { enabled: false } },
        { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'words' }, title: 'A' },
      ]),
      user([
        { type: 'text', text: 'What is it?' },
        shownImage,
        { type: 'file', file: { file_data: 'data:application/pdf;base64,JVBERi0x', filename: 'a.pdf' } },
        { type: 'text', text: 'A\n\nwords' },
      ]),
    ],
    [
      'what a model said before, without what it thought',
      [
        ...user('x'),
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'hm', signature: 's' },
            { type: 'redacted_thinking', data: 'd' },
            { type: 'text', text: 'I look.', citations: null },
            use,
          ],
        },
      ],
      [...user('x'), { role: 'assistant', content: 'I look.', tool_calls: [call] }],
    ],
    [
      'a call without words',
      [{ role: 'assistant', content: [{ ...use, caller: { type: 'direct' } }] }],
      [{ role: 'assistant', content: null, tool_calls: [call] }],
    ],
    [
      'results, which come first, and their pictures, which come after',
      user([
        { ...result, content: [{ type: 'text', text: 'seen' }, image] },
        { ...result, tool_use_id: 'toolu_2', content: 'no such place', is_error: true },
        { ...result, tool_use_id: 'toolu_3' },
        { type: 'text', text: 'And?' },
      ]),
      [
        { role: 'tool', tool_call_id: 'toolu_1', content: 'seen' },
        { role: 'tool', tool_call_id: 'toolu_2', content: 'Error: no such place' },
        { role: 'tool', tool_call_id: 'toolu_3', content: '' },
        { role: 'user', content: [shownImage, { type: 'text', text: 'And?' }] },
      ],
    ],
    [
      'a result alone',
      user([{ ...result, content: 'seen' }]),
      [{ role: 'tool', tool_call_id: 'toolu_1', content: 'seen' }],
    ],
    [
      'an instruction in the middle',
      [{ role: 'system', content: 'Be brief.' }],
      [{ role: 'system', content: 'Be brief.' }],
    ],
  ])('may be %s', (_name, messages, wanted) => {
    expect(chatMessages(undefined, messages)).toEqual(wanted);
  });

  it.each<[string, unknown, string]>([
    ['a number', 1, '/messages'],
    ['a message of nobody', [{ content: 'x' }], '/messages/0/role'],
    ['a message with a member more', [{ role: 'user', content: 'x', name: 'y' }], '/messages/0'],
    [
      'a picture at an address',
      user([{ type: 'image', source: { type: 'url', url: 'https://a.example' } }]),
      '/messages/0/content/0/source/type',
    ],
    [
      'a picture that a server keeps',
      user([{ type: 'image', source: { type: 'file', file_id: 'f' } }]),
      '/messages/0/content/0/source/type',
    ],
    [
      'a picture of an unknown type',
      user([{ type: 'image', source: { type: 'base64', media_type: 'image/tiff', data: PNG } }]),
      '/messages/0/content/0/source',
    ],
    [
      'a document to be cited',
      user([{ type: 'document', source: pdf, citations: { enabled: true } }]),
      '/messages/0/content/0/citations/enabled',
    ],
    ['a block of an unknown type', user([{ type: 'search_result' }]), '/messages/0/content/0/type'],
    [
      'a call that a server made',
      [{ role: 'assistant', content: [{ type: 'server_tool_use' }] }],
      '/messages/0/content/0/type',
    ],
    ['a call by a user', user([use]), '/messages/0/content/0/type'],
    ['a call without input', [{ role: 'assistant', content: [{ ...use, input: 'x' }] }], '/messages/0/content/0/input'],
    ['a result of no call', user([{ type: 'tool_result', content: 'x' }]), '/messages/0/content/0/tool_use_id'],
  ])('are not %s', (_name, messages, pointer) => {
    expect(caughtRefusal(() => chatMessages(undefined, messages)).pointer).toBe(pointer);
  });
});
