import { describe, expect, it } from '@jest/globals';
import type { EnvelopeClaims, InvocationClaims, Statement } from '@bulla/crypto';
import { RENDERED_CHARACTERS_MAX, renderRun } from './prompt-run.js';

type Content = Statement['content'];
type Question = Extract<InvocationClaims, { purpose: 'prompt.invoke' }>;

interface Case {
  readonly content?: Partial<Content>;
  readonly messages?: boolean;
  readonly parameters?: Statement['input']['parameters'];
  readonly pol?: Partial<EnvelopeClaims['pol']>;
  readonly question?: Partial<Question>;
}

const TOOL = { type: 'function' as const, function: { name: 'look', parameters: '{"type":"object"}' } };
const SENT_TOOL = { type: 'function', function: { name: 'look', parameters: { type: 'object' } } };

function render({ content = {}, messages = false, parameters, pol = {}, question = {} }: Case) {
  const statement = {
    input: { messages, parameters },
    content: {
      messages: [{ role: 'user', content: 'a {{x}} b' }],
      vars: { x: { type: 'string', max: 5 } },
      model: { name: 'default' },
      ...content,
    },
  } as unknown as Statement;
  const envelope = { pol: { uses: 1, stream: true, ...pol } } as unknown as EnvelopeClaims;
  const asked = {
    jti: 'inv_1',
    vars: { x: 'one' },
    messages: [],
    opt: { stream: false, privacy: 'padded' },
    ...question,
  };
  return renderRun(statement, envelope, asked as unknown as InvocationClaims);
}

describe('step 14 renders', () => {
  it("the variables into the messages, the asker's own after them", () => {
    const request = render({ messages: true, question: { messages: [{ role: 'assistant', content: '{{x}}' }] } });
    expect(request).toEqual({
      model: 'default',
      messages: [
        { role: 'user', content: 'a one b' },
        { role: 'assistant', content: '{{x}}' },
      ],
      maxOutputTokens: undefined,
      parameters: {},
      requestId: 'inv_1',
    });
  });

  it('a value once: what looks like a variable in it stays text', () => {
    const vars: Content['vars'] = { x: { type: 'string', max: 99 }, y: { type: 'string', max: 99 } };
    const content = { vars, messages: [{ role: 'user' as const, content: '{{x}}{{y}}' }] };
    const request = render({ content, question: { vars: { x: '{{y}}', y: '{{x}}' } } });
    expect(request.messages[0]?.content).toBe('{{y}}{{x}}');
  });

  it('a default where nothing is given, and what is given where there is a default', () => {
    const vars: Content['vars'] = { x: { type: 'string', max: 5, default: 'dflt' } };
    expect(render({ content: { vars }, question: { vars: {} } }).messages[0]?.content).toBe('a dflt b');
    expect(render({ content: { vars }, question: { vars: { x: '' } } }).messages[0]?.content).toBe('a  b');
  });

  it.each([
    ["nobody's", {}, undefined],
    ["the prompt's", { content: { model: { name: 'm', max_output_tokens: 7 } }, pol: { max_output_tokens: 9 } }, 7],
    [
      "the envelope's [guard: input-limits]",
      { pol: { max_output_tokens: 5 }, question: { opt: { stream: false, privacy: 'padded', max_output_tokens: 6 } } },
      5,
    ],
    [
      "the asker's",
      { pol: { max_output_tokens: 5 }, question: { opt: { stream: false, privacy: 'padded', max_output_tokens: 4 } } },
      4,
    ],
  ] as [string, Case, number | undefined][])('the least limit: %s', (_name, one, limit) => {
    expect(render(one).maxOutputTokens).toBe(limit);
  });

  it('the parameters of the author, and those of the asker where the prompt lets askers set them', () => {
    const model: Content['model'] = { name: 'm', max_output_tokens: 9, temperature: 0, seed: 1, tools: [TOOL] };
    const opt = { stream: false, privacy: 'padded' as const, temperature: 1, stop: ['.'] };
    expect(render({ content: { model } }).parameters).toEqual({ temperature: 0, seed: 1, tools: [SENT_TOOL] });
    const both = render({ content: { model }, parameters: ['stop', 'temperature'], question: { opt } });
    expect(both.parameters).toEqual({ temperature: 1, seed: 1, stop: ['.'], tools: [SENT_TOOL] });
  });
});

describe('step 14 refuses', () => {
  it.each([
    [
      'a parameter that askers may not set [guard: input-parameters]',
      { parameters: ['seed'], question: { opt: { stream: false, privacy: 'padded', seed: 1, temperature: 1 } } },
      'validation_failed',
    ],
    ['a missing variable [guard: input-missing]', { question: { vars: {} } }, 'variable_missing'],
    [
      'an unknown variable [guard: input-unknown]',
      { question: { vars: { x: 'one', zzCanary: 'zzCanary' } } },
      'variable_unknown',
    ],
    [
      'a name that objects have by themselves',
      { question: { vars: { x: 'one', toString: 'zzCanary' } } },
      'variable_unknown',
    ],
    ['a value that is too long [guard: input-length]', { question: { vars: { x: 'zzCanary' } } }, 'validation_failed'],
    [
      'messages where there are none',
      { question: { messages: [{ role: 'user', content: 'zzCanary' }] } },
      'validation_failed',
    ],
    [
      'a stream that the envelope does not allow [guard: input-stream]',
      { pol: { stream: false }, question: { opt: { stream: true, privacy: 'padded' } } },
      'forbidden',
    ],
    [
      "another model than the prompt's [guard: input-model]",
      { question: { opt: { stream: false, privacy: 'padded', model: 'zzCanary' } } },
      'model_not_allowed',
    ],
    [
      'a template that is none',
      { content: { messages: [{ role: 'user', content: '{{zzCanary' }] } },
      'validation_failed',
    ],
    [
      'a template with a variable that is not declared',
      { content: { messages: [{ role: 'user', content: '{{zzCanary}}' }] } },
      'validation_failed',
    ],
  ] as [string, Case, string][])('%s', (_name, one, code) => {
    expect(() => render(one)).toThrow(
      expect.objectContaining({ code, message: expect.not.stringContaining('zzCanary') }),
    );
  });

  it('a prompt that grows too long by using a long value many times [guard: input-rendered]', () => {
    const value = 'v'.repeat(65_536);
    const uses = '{{x}}'.repeat(RENDERED_CHARACTERS_MAX / 65_536 + 1);
    const vars: Content['vars'] = { x: { type: 'string', max: 65_536 } };
    const content = { vars, messages: [{ role: 'user' as const, content: uses }] };
    expect(() => render({ content, question: { vars: { x: value } } })).toThrow(
      expect.objectContaining({ code: 'payload_too_large' }),
    );
  });
});
