import {
  CHOICES_MAX,
  EFFORT_PATTERN,
  TOKEN_NUMBER_PATTERN,
  TOOL_DESCRIPTION_MAX,
  TOOL_NAME_PATTERN,
  TOOLS_MAX,
  USER_JSON_CHARACTERS_MAX,
} from '@bulla/crypto/names';
import type { ParameterName } from '@bulla/crypto/names';
import * as z from 'zod';

const toolName = z
  .string()
  .regex(TOOL_NAME_PATTERN, 'must be 1 to 64 letters, digits, _ and -')
  .meta({ description: 'Its name.', example: 'look_up' });
const words = z
  .string()
  .max(TOOL_DESCRIPTION_MAX)
  .meta({ description: 'What it is for.', example: 'Looks up a policy.' })
  .optional();
const strict = z
  .boolean()
  .nullable()
  .meta({ description: 'Whether the model keeps to the schema.', example: true })
  .optional();
const schema = z
  .string()
  .max(USER_JSON_CHARACTERS_MAX)
  .refine(isObject, 'must be a JSON Schema as text')
  .meta({ description: 'A JSON Schema, as text.', example: '{"type":"object"}' })
  .optional();
const stop = z.string().min(1).max(256);

/** What an author asks of a model beside the messages, as docs/spec/invocation.md#parameters has it. */
export const parameters = {
  temperature: number(0, 2, 'How much chance there is.', 0.2),
  top_p: number(0, 1, 'From how much of the probability words are taken.', 0.9),
  presence_penalty: number(-2, 2, 'Against words that were said.', 0),
  frequency_penalty: number(-2, 2, 'Against words that were said often.', 0),
  seed: z.int().meta({ description: 'Where chance begins.', example: 7 }).optional(),
  stop: z
    .union([stop, z.array(stop).min(1).max(4)])
    .meta({ description: 'Where the answer ends.', example: ['END'] })
    .optional(),
  n: z.int().min(1).max(CHOICES_MAX).meta({ description: 'How many answers.', example: 1 }).optional(),
  logprobs: z.boolean().meta({ description: 'Whether probabilities are told.', example: false }).optional(),
  top_logprobs: z.int().min(0).max(20).meta({ description: 'Of how many words each time.', example: 2 }).optional(),
  logit_bias: z
    .record(z.string().regex(TOKEN_NUMBER_PATTERN, 'must be the number of a token'), z.number().min(-100).max(100))
    .meta({ description: 'For and against tokens, by their numbers.', example: { '50256': -100 } })
    .optional(),
  reasoning_effort: z
    .string()
    .regex(EFFORT_PATTERN, 'must be a word')
    .meta({ description: 'How much the model thinks.', example: 'low' })
    .optional(),
  verbosity: z.enum(['low', 'medium', 'high']).meta({ description: 'How much it says.', example: 'low' }).optional(),
  tools: z
    .array(
      z.strictObject({
        type: kind('function'),
        function: z
          .strictObject({ name: toolName, description: words, parameters: schema, strict })
          .describe('The tool.'),
      }),
    )
    .min(1)
    .max(TOOLS_MAX)
    .describe('What the model may ask to be called.')
    .optional(),
  tool_choice: z
    .union([
      z.enum(['none', 'auto', 'required']),
      z.strictObject({ type: kind('function'), function: z.strictObject({ name: toolName }).describe('The tool.') }),
    ])
    .meta({ description: 'Whether it calls one, and which.', example: 'auto' })
    .optional(),
  parallel_tool_calls: z.boolean().meta({ description: 'Whether it calls several at once.', example: true }).optional(),
  response_format: z
    .discriminatedUnion('type', [
      z.strictObject({ type: kind('text') }),
      z.strictObject({ type: kind('json_object') }),
      z.strictObject({
        type: kind('json_schema'),
        json_schema: z
          .strictObject({ name: toolName, description: words, schema, strict })
          .describe('What the JSON is like.'),
      }),
    ])
    .meta({ description: 'What the answer is.', example: { type: 'json_object' } })
    .optional(),
} satisfies Record<ParameterName, z.ZodType>;

function kind<Type extends string>(type: Type) {
  return z.literal(type).meta({ description: 'What it is.', example: type });
}

function number(min: number, max: number, description: string, example: number) {
  return z.number().min(min).max(max).meta({ description, example }).optional();
}

/** How deep it is, and what else tokens do not take, the vault finds where it signs. */
function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
