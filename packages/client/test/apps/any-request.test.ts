import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MESSAGES_MEMBERS } from '../../src/apps/anthropic/messages-members.js';
import { readMessages } from '../../src/apps/anthropic/messages-request.js';
import type { AppObject } from '../../src/apps/app-body.js';
import { readChatRequest } from '../../src/apps/openai/chat-request.js';
import { RESPONSES_MEMBERS } from '../../src/apps/responses/responses-members.js';
import { readResponses } from '../../src/apps/responses/responses-request.js';
import { caughtRefusal } from './caught-refusal.js';

const CANARY = 'CANARY-5e0f';
const WORDS = [
  'text',
  'input_text',
  'image',
  'input_image',
  'message',
  'user',
  'assistant',
  'function',
  'function_call',
]
  .concat('function_call_output', 'tool_use', 'tool_result', 'base64', 'auto', 'required', 'json_schema', 'custom')
  .concat('prompt:a@1', 'adaptive', CANARY, `data:image/png;base64,${CANARY}`, `https://${CANARY}.example`);
const NAMES = ['type', 'role', 'content', 'text', 'input', 'output', 'source', 'data', 'media_type', 'image_url', 'id']
  .concat('call_id', 'tool_use_id', 'name', 'arguments', 'parameters', 'input_schema', 'format', 'schema', 'effort')
  .concat('variables', 'bulla_vars', 'title', 'function', 'tool_calls');

/** Values as requests have them, nested, and mostly in the wrong place. */
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(...WORDS),
    fc.constantFrom<unknown>(null, true, false, 0, 1, -1, 0.5, 1e21),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...NAMES), tie('value'), { maxKeys: 5 }),
  ),
}));
const bodyOf = (names: readonly string[]) => fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 6 });

describe('any request', () => {
  it.each<[string, readonly string[], (body: AppObject) => unknown]>([
    ['of responses', Object.keys(RESPONSES_MEMBERS), (body) => readResponses(body, {})],
    ['of messages', Object.keys(MESSAGES_MEMBERS), (body) => readMessages({ model: 'm', max_tokens: 1, ...body }, {})],
    ['of chats', ['model', 'messages', 'tools', 'metadata', 'stop'], (body) => readChatRequest(body, {})],
  ])('%s is read, or refused by the place of what is wrong and without its value', (_name, names, read) => {
    const codes = new Set<string>();
    fc.assert(
      fc.property(bodyOf(names), (body) => {
        const { code, message, pointer } = caughtRefusal(() => read(body));
        codes.add(code);
        expect(`${message} ${pointer}`).not.toContain(CANARY);
      }),
      { numRuns: 500 },
    );
    codes.delete('none');
    expect(codes).toEqual(new Set(['validation_failed']));
  });
});
