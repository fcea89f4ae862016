import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as z from '#zod';
import { PARAMETER_NAMES } from '../names/chat.js';
import type { ModelParameters } from './parameters.js';
import { modelParameters, parametersOf, parametersShape, tokenParameters } from './parameters.js';
import { parseUserJson } from './user-json.js';

const schema = z.strictObject(parametersShape);
const tool = (fields: object) => ({ tools: [{ type: 'function', function: { name: 'look', ...fields } }] });
const format = (fields: object) => ({
  response_format: { type: 'json_schema', json_schema: { name: 'answer', ...fields } },
});
const nested = (depth: number) => `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`;

describe('parameters', () => {
  it.each<[string, object]>([
    ['none', {}],
    ['numbers at their bounds', { temperature: 2, top_p: 1, presence_penalty: -2, frequency_penalty: 2, seed: -1 }],
    ['one place to stop', { stop: '\n' }],
    ['four places to stop', { stop: ['a', 'b', 'c', 'd'] }],
    [
      'choices and their probabilities',
      { n: 16, logprobs: true, top_logprobs: 20, logit_bias: { 0: -100, 50256: 0.5 } },
    ],
    ['effort and verbosity', { reasoning_effort: 'minimal', verbosity: 'low' }],
    ['a tool without parameters', tool({})],
    ['a tool with all members', tool({ description: 'looks', parameters: '{"type": "object"}', strict: true })],
    ['a tool for motor races', tool({ parameters: '{"properties":{"constructor":{"type":"string"}}}' })],
    ['a schema of 64 levels', tool({ parameters: nested(64) })],
    ['a choice of tool', { tool_choice: { type: 'function', function: { name: 'look' } } }],
    ['a rule for tools', { tool_choice: 'required', parallel_tool_calls: false }],
    ['text', { response_format: { type: 'text' } }],
    ['JSON', { response_format: { type: 'json_object' } }],
    ['JSON of a schema', format({ schema: '{"type":"object"}', strict: null, description: 'x' })],
  ])('may be %s', (_name, parameters) => {
    expect(schema.safeParse(parameters).data).toEqual(parameters);
  });

  it.each<[string, object]>([
    ['one that is not known', { top_k: 1 }],
    ['too warm', { temperature: 2.1 }],
    ['below zero', { top_p: -0.1 }],
    ['half a seed', { seed: 0.5 }],
    ['five places to stop', { stop: ['a', 'b', 'c', 'd', 'e'] }],
    ['nowhere to stop', { stop: [] }],
    ['no choice at all', { n: 0 }],
    ['17 choices', { n: 17 }],
    ['21 probabilities', { top_logprobs: 21 }],
    ['a bias of what is no token', { logit_bias: { '01': 1 } }],
    ['an effort of two words', { reasoning_effort: 'very high' }],
    ['no tools', { tools: [] }],
    ['129 tools', { tools: Array.from({ length: 129 }, () => tool({}).tools[0]) }],
    ['a tool that its server has', { tools: [{ type: 'web_search' }] }],
    ['a tool with a member more', tool({ url: 'https://a.example' })],
    ['a tool with a name of two words', tool({ name: 'look up' })],
    ['a schema that is an object', tool({ parameters: { type: 'object' } })],
    ['a schema that is no JSON [guard: user-json]', tool({ parameters: '{' })],
    ['a schema that is no object [guard: user-json-object]', tool({ parameters: '[]' })],
    ['a schema with a name twice', tool({ parameters: '{"a":1,"a":2}' })],
    ['a schema with a name that reaches prototypes', tool({ parameters: '{"__proto__":{}}' })],
    ['a schema of 65 levels', tool({ parameters: nested(65) })],
    ['a schema of 1,000 levels', tool({ parameters: nested(1_000) })],
    ['a schema of 100,000 values', tool({ parameters: `{"a":[${'0,'.repeat(60_000)}0]}` })],
    ['a schema of 131,073 characters', format({ schema: `{}${' '.repeat(131_071)}` })],
    ['another rule for tools', { tool_choice: 'any' }],
    ['another format', { response_format: { type: 'grammar' } }],
  ])('are not %s', (_name, parameters) => {
    expect(schema.safeParse(parameters).success).toBe(false);
  });

  it('have a name each', () => {
    expect(Object.keys(parametersShape).toSorted()).toEqual(PARAMETER_NAMES.toSorted());
    expect(parametersOf({ n: 1, seed: undefined, stream: true } as never)).toEqual({ n: 1 });
  });
});

it('come out for the model as they went in, whatever the schemas hold', () => {
  const json = fc.jsonValue({ maxDepth: 5 }).map((a) => JSON.parse(JSON.stringify({ a })) as Record<string, unknown>);
  fc.assert(
    fc.property(json, json, (parameters, answer) => {
      const given: ModelParameters = {
        seed: 1,
        tools: [{ type: 'function', function: { name: 'look', strict: true, parameters } }],
        response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: answer } },
      };
      const inToken = tokenParameters(given);
      // JSON.stringify writes some things that strict JSON does not have, such as lone surrogates.
      fc.pre(schema.safeParse(inToken).success);
      expect(modelParameters(inToken)).toEqual(given);
    }),
  );
});

it.each(['[]', '1', 'null', '"x"'])('parseUserJson refuses %s, which is no object', (text) => {
  expect(() => parseUserJson(text)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
});
