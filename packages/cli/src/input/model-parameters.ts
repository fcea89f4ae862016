import type { ModelParameters } from '@bulla/client';
import type { ParameterName, TokenParameters } from '@bulla/crypto';
import { isVisibleName, modelParameters, PARAMETER_NAMES, parametersSchema, tokenParameters } from '@bulla/crypto';
import * as z from 'zod';

/** What a prompt asks of its model, as the statement that is sealed will hold it. */
export interface PromptModel extends TokenParameters {
  readonly name: string;
  readonly max_output_tokens?: number | undefined;
}

const [temperature, ...others] = PARAMETER_NAMES;
/** The keys of `model` in a prompt file, in their order. */
export const MODEL_KEYS = ['name', temperature, 'max_output_tokens', ...others] as const;

const anything = Object.fromEntries(PARAMETER_NAMES.map((name) => [name, z.unknown().optional()])) as Record<
  ParameterName,
  z.ZodOptional<z.ZodUnknown>
>;

/** `model` of a prompt file, where JSON Schemas are YAML like the rest. */
export const modelSchema = z
  .strictObject({
    name: z.string().min(1).max(128).refine(isVisibleName).default('default'),
    max_output_tokens: z.int().min(1).max(1_000_000).optional(),
    ...anything,
  })
  .transform(({ name, max_output_tokens, ...given }, context): PromptModel => {
    const read = parametersSchema.safeParse(tokenParameters(given as ModelParameters));
    for (const { path } of read.error?.issues ?? []) context.addIssue({ code: 'custom', path: [...path] });
    // A schema that stands there as text is written as the one that is YAML.
    return inOrder({ name, max_output_tokens, ...tokenParameters(modelParameters(read.data ?? {})) });
  });

/** What is allowed there, for people. */
export const PARAMETER_RULES: Readonly<Record<ParameterName, string>> = {
  temperature: 'a number from 0 to 2',
  top_p: 'a number from 0 to 1',
  presence_penalty: 'a number from -2 to 2',
  frequency_penalty: 'a number from -2 to 2',
  seed: 'a whole number',
  stop: 'a text, or a list of at most 4 texts',
  n: 'a whole number from 1 to 16',
  logprobs: 'true or false',
  top_logprobs: 'a whole number from 0 to 20',
  logit_bias: 'numbers from -100 to 100 by the numbers of tokens, such as {"50256": -100}',
  reasoning_effort: 'a word, such as low',
  verbosity: 'low, medium or high',
  tools:
    'a list of tools, such as [{type: function, function: {name: look_up, description: …, parameters: {type: object}}}]',
  tool_choice: 'none, auto, required, or {type: function, function: {name: look_up}}',
  parallel_tool_calls: 'true or false',
  response_format:
    '{type: text}, {type: json_object}, or {type: json_schema, json_schema: {name: answer, schema: {type: object}}}',
};

/** In one order and without what is absent, so that equal prompts are equal JSON. */
export function inOrder(model: PromptModel): PromptModel {
  const given = MODEL_KEYS.filter((key) => model[key] !== undefined).map((key) => [key, model[key]]);
  return Object.fromEntries(given) as PromptModel;
}

/** A model as a prompt file has it. */
export function writtenModel(model: PromptModel): object {
  const { name, max_output_tokens: tokens, ...parameters } = model;
  const written: Readonly<Record<string, unknown>> = {
    name,
    max_output_tokens: tokens,
    ...modelParameters(parameters),
  };
  return Object.fromEntries(MODEL_KEYS.filter((key) => written[key] !== undefined).map((key) => [key, written[key]]));
}
