import { describe, expect, it } from '@jest/globals';
import { DATA_BYTES_MAX } from '../names/chat.js';
import type { ChatMessage } from './messages.js';
import { askerMessagesSchema, chatMessagesSchema, messageText, requireDataSize } from './messages.js';

const PNG = 'data:image/png;base64,iVBORw0KGgo=';
const user = (...parts: readonly object[]) => [{ role: 'user', content: parts }];
const image = (url: string) => user({ type: 'image_url', image_url: { url } });
const file = (file_data: string, more: object = {}) => user({ type: 'file', file: { file_data, ...more } });
const call = { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"at":1' } };
const instruction = (role: string) => [{ role, content: 'Be brief.' }];

describe('the messages of a question', () => {
  it.each<[string, object[]]>([
    ['text', [{ role: 'user', content: 'x' }]],
    ['parts of text', user({ type: 'text', text: 'x' }, { type: 'text', text: '' })],
    ['an image', user({ type: 'image_url', image_url: { url: PNG, detail: 'low' } })],
    ['a file', file('data:application/pdf;base64,JVBERi0x', { filename: 'claim.pdf' })],
    ['calls of tools, and nothing in words', [{ role: 'assistant', content: null, tool_calls: [call] }]],
    ['calls of tools without a word about content', [{ role: 'assistant', tool_calls: [call] }]],
    ['a refusal', [{ role: 'assistant', content: null, refusal: 'I may not.' }]],
    ['a refusal in parts', [{ role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }] }]],
    ['the result of a tool', [{ role: 'tool', content: '{}', tool_call_id: 'call_1' }]],
    ['the result in parts', [{ role: 'tool', content: [{ type: 'text', text: 'x' }], tool_call_id: 'call_1' }]],
  ])('may be %s', (_name, messages) => {
    expect(askerMessagesSchema.safeParse(messages).data).toEqual(messages);
    expect(chatMessagesSchema.safeParse(messages).data).toEqual(messages);
  });

  it.each<[string, object[]]>([
    ['of nobody', [{ content: 'x' }]],
    ['of a function, the older word', [{ role: 'function', name: 'f', content: 'x' }]],
    ['with a member more', [{ role: 'user', content: 'x', name: 'y' }]],
    ['without content', [{ role: 'user' }]],
    ['whose content is null', [{ role: 'user', content: null }]],
    ['with no part', user()],
    ['with more than 256 parts', user(...Array.from({ length: 257 }, () => ({ type: 'text', text: '' })))],
    ['with a part of another type', user({ type: 'input_audio', input_audio: { data: '', format: 'wav' } })],
    ['with a part that has a member more', user({ type: 'text', text: '', cache_control: {} })],
    ['with an image of the assistant', [{ role: 'assistant', content: image(PNG)[0]?.content }]],
    ['of an assistant who says nothing [guard: message-says-something]', [{ role: 'assistant' }]],
    ['of an assistant who says that it is nothing', [{ role: 'assistant', content: null, refusal: null }]],
    ['of an assistant with no call', [{ role: 'assistant', content: 'x', tool_calls: [] }]],
    ['with a call of another type', [{ role: 'assistant', tool_calls: [{ ...call, type: 'custom' }] }]],
    ['with a call without an id', [{ role: 'assistant', tool_calls: [{ ...call, id: '' }] }]],
    [
      'with a call whose arguments are no text',
      [{ role: 'assistant', tool_calls: [{ ...call, function: { name: 'look', arguments: {} } }] }],
    ],
    ['with a result of no call', [{ role: 'tool', content: 'x' }]],
    ['at an address', image('https://inside.example/a.png')],
    ['at an address of a file', image('file:///etc/passwd')],
    ['with an image of an unknown type [guard: data-url-type]', image('data:image/svg+xml;base64,PHN2Zz4=')],
    ['with an image that is a page', image('data:text/html;base64,PGI+')],
    ['with an image whose type has parameters', image('data:image/png;charset=utf-8;base64,iVBORw0KGgo=')],
    ['with an image whose type is in capitals', image('data:image/PNG;base64,iVBORw0KGgo=')],
    ['with an image without base64', image('data:image/png,abcd')],
    ['with an empty image', image('data:image/png;base64,')],
    ['with base64 of another alphabet', image('data:image/png;base64,ab-_')],
    ['with base64 without padding', image('data:image/png;base64,iVBORw0KGgo')],
    ['with a file of an unknown type', file('data:application/zip;base64,UEsD')],
    ['with a file of the upstream', user({ type: 'file', file: { file_id: 'file-1' } })],
    ['with a file whose name turns a line around', file('data:text/plain;base64,eA==', { filename: 'a\u202eb' })],
  ])('are not %s', (_name, messages) => {
    expect(chatMessagesSchema.safeParse(messages).success).toBe(false);
    expect(askerMessagesSchema.safeParse(messages).success).toBe(false);
  });

  it.each(['system', 'developer'])('may be an instruction (%s) in a chat alone', (role) => {
    expect(chatMessagesSchema.safeParse(instruction(role)).success).toBe(true);
    expect(askerMessagesSchema.safeParse(instruction(role)).success).toBe(false);
  });

  it('are at most 2,048', () => {
    const messages = Array.from({ length: 2_048 }, () => ({ role: 'user', content: '' }));
    expect(chatMessagesSchema.safeParse(messages).success).toBe(true);
    expect(chatMessagesSchema.safeParse([...messages, messages[0]]).success).toBe(false);
  });
});

describe('requireDataSize', () => {
  const holding = (bytes: number) =>
    image(`data:image/png;base64,${Buffer.alloc(bytes).toString('base64')}`) as unknown as ChatMessage[];

  it('takes images and files of 4 MiB together, and no byte more [guard: question-data-size]', () => {
    const half = DATA_BYTES_MAX / 2;
    const files = file(
      `data:text/plain;base64,${Buffer.alloc(half + 1).toString('base64')}`,
    ) as unknown as ChatMessage[];
    expect(() => requireDataSize([...holding(half), ...holding(half)])).not.toThrow();
    expect(() => requireDataSize([...holding(half), ...files])).toThrow(
      expect.objectContaining({ code: 'payload_too_large' }),
    );
  });
});

it.each<[string, ChatMessage['content'], string]>([
  ['text', 'x', 'x'],
  ['nothing', null, ''],
  [
    'parts',
    [
      { type: 'text', text: 'a' },
      { type: 'image_url', image_url: { url: PNG } },
      { type: 'text', text: 'b' },
    ],
    'ab',
  ],
])('messageText gives the words of %s', (_name, content, text) => {
  expect(messageText({ content })).toBe(text);
});
