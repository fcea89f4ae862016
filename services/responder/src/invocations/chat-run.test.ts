import { describe, expect, it } from '@jest/globals';
import type { ChatEnvelopeClaims, InvocationClaims } from '@bulla/crypto';
import { renderChat } from './chat-run.js';

type ChatQuestion = Extract<InvocationClaims, { purpose: 'chat.invoke' }>;

const OPT = { stream: true, privacy: 'padded' as const, model: 'small' };

function render(question: Partial<ChatQuestion>, pol: Partial<ChatEnvelopeClaims['pol']> = {}) {
  const envelope = { pol: { uses: 1, stream: true, models: ['small', 'large'], ...pol } } as ChatEnvelopeClaims;
  const asked = {
    purpose: 'chat.invoke',
    jti: 'inv_1',
    messages: [{ role: 'system', content: 'Be brief.' }],
    opt: OPT,
    ...question,
  };
  return renderChat(envelope, asked as unknown as InvocationClaims);
}

it('asks for what the question says, with the least of the limits', () => {
  const schema = '{"type":"object"}';
  const opt = {
    ...OPT,
    max_output_tokens: 9,
    temperature: 0.5,
    response_format: { type: 'json_schema' as const, json_schema: { name: 'answer', schema } },
  };
  expect(render({ opt }, { max_output_tokens: 5 })).toEqual({
    model: 'small',
    messages: [{ role: 'system', content: 'Be brief.' }],
    maxOutputTokens: 5,
    parameters: {
      temperature: 0.5,
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: { type: 'object' } } },
    },
    requestId: 'inv_1',
  });
});

it('asks for the embeddings of texts in the place of messages', () => {
  const embeddings = { input: ['a'], dimensions: 2 };
  expect(render({ messages: [], embeddings, opt: { ...OPT, stream: false } })).toMatchObject({
    model: 'small',
    messages: [],
    embeddings,
  });
});

describe('refuses', () => {
  it.each<[string, Partial<ChatQuestion>, Partial<ChatEnvelopeClaims['pol']>, string]>([
    ['variables [guard: chat-variables]', { vars: { x: 'zzCanary' } }, {}, 'variable_unknown'],
    ['no messages [guard: chat-messages]', { messages: [] }, {}, 'validation_failed'],
    ['a stream that the envelope does not allow [guard: chat-stream]', {}, { stream: false }, 'forbidden'],
    ['a model that the envelope does not name [guard: chat-model]', {}, { models: ['large'] }, 'model_not_allowed'],
  ])('%s', (_name, question, pol, code) => {
    expect(() => render(question, pol)).toThrow(expect.objectContaining({ code }));
    expect(() => render(question, pol)).not.toThrow(/zzCanary/);
  });
});
