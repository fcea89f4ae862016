import * as z from '#zod';
import type { ParameterName } from '../names/chat.js';
import {
  CHOICES_MAX,
  EFFORT_PATTERN,
  PARAMETER_NAMES,
  TOKEN_NUMBER_PATTERN,
  TOOL_DESCRIPTION_MAX,
  TOOLS_MAX,
} from '../names/chat.js';
import { toolNameSchema } from './messages.js';
import { parseUserJson, userJsonSchema } from './user-json.js';

const between = (min: number, max: number) => z.number().check(z.gte(min), z.lte(max));
const stopText = z.string().check(z.minLength(1), z.maxLength(256));
const descriptionSchema = z.string().check(z.maxLength(TOOL_DESCRIPTION_MAX));

const toolSchema = z.strictObject({
  type: z.literal('function'),
  function: z.strictObject({
    name: toolNameSchema,
    description: z.optional(descriptionSchema),
    /** A JSON Schema, as text. */
    parameters: z.optional(userJsonSchema),
    strict: z.optional(z.nullable(z.boolean())),
  }),
});
const responseFormatSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text') }),
  z.strictObject({ type: z.literal('json_object') }),
  z.strictObject({
    type: z.literal('json_schema'),
    json_schema: z.strictObject({
      name: toolNameSchema,
      description: z.optional(descriptionSchema),
      /** A JSON Schema, as text. */
      schema: z.optional(userJsonSchema),
      strict: z.optional(z.nullable(z.boolean())),
    }),
  }),
]);

/**
 * What is asked of a model beside the messages, by OpenAI's names and with their values, in statements and in questions.
 * JSON Schemas are text. {@link PARAMETER_NAMES} has the names.
 */
export const parametersShape = {
  temperature: z.optional(between(0, 2)),
  top_p: z.optional(between(0, 1)),
  presence_penalty: z.optional(between(-2, 2)),
  frequency_penalty: z.optional(between(-2, 2)),
  seed: z.optional(z.int()),
  stop: z.optional(z.union([stopText, z.array(stopText).check(z.minLength(1), z.maxLength(4))])),
  /** How many answers; each is a choice of the one completion. */
  n: z.optional(z.int().check(z.gte(1), z.lte(CHOICES_MAX))),
  logprobs: z.optional(z.boolean()),
  top_logprobs: z.optional(z.int().check(z.gte(0), z.lte(20))),
  logit_bias: z.optional(z.record(z.string().check(z.regex(TOKEN_NUMBER_PATTERN)), between(-100, 100))),
  reasoning_effort: z.optional(z.string().check(z.regex(EFFORT_PATTERN))),
  verbosity: z.optional(z.enum(['low', 'medium', 'high'])),
  tools: z.optional(z.array(toolSchema).check(z.minLength(1), z.maxLength(TOOLS_MAX))),
  tool_choice: z.optional(
    z.union([
      z.enum(['none', 'auto', 'required']),
      z.strictObject({ type: z.literal('function'), function: z.strictObject({ name: toolNameSchema }) }),
    ]),
  ),
  parallel_tool_calls: z.optional(z.boolean()),
  response_format: z.optional(responseFormatSchema),
} satisfies Record<ParameterName, z.ZodMiniType>;

export const parametersSchema = z.strictObject(parametersShape);
/** As tokens hold them. */
export type TokenParameters = z.infer<typeof parametersSchema>;

type Sent<Value> = Value extends { readonly type: 'function'; readonly function: infer Tool }
  ? { readonly type: 'function'; readonly function: SentSchema<Tool, 'parameters'> }
  : Value extends { readonly type: 'json_schema'; readonly json_schema: infer Format }
    ? { readonly type: 'json_schema'; readonly json_schema: SentSchema<Format, 'schema'> }
    : Value;
type SentSchema<Value, Name extends string> = Omit<Value, Name> & {
  readonly [Member in Name]?: Readonly<Record<string, unknown>> | undefined;
};
/** The same as a model server gets them, and as apps give them: JSON Schemas are objects. */
export type ModelParameters = Omit<TokenParameters, 'tools' | 'response_format'> & {
  readonly tools?: readonly Sent<NonNullable<TokenParameters['tools']>[number]>[] | undefined;
  readonly response_format?: Sent<NonNullable<TokenParameters['response_format']>> | undefined;
};

/** The parameters among other members of a claim. */
export function parametersOf(claim: TokenParameters): TokenParameters {
  const given = PARAMETER_NAMES.filter((name) => claim[name] !== undefined).map((name) => [name, claim[name]]);
  return Object.fromEntries(given) as TokenParameters;
}

/**
 * Parameters of a token as a model server gets them.
 * @throws {CryptoError} token_malformed for a schema that no token would hold
 */
export function modelParameters(parameters: TokenParameters): ModelParameters {
  const { tools, response_format: format, ...others } = parametersOf(parameters);
  return {
    ...others,
    ...(tools !== undefined && {
      tools: tools.map(({ type, function: tool }) => ({ type, function: read(tool, 'parameters') })),
    }),
    ...(format !== undefined && {
      response_format:
        format.type === 'json_schema' ? { type: format.type, json_schema: read(format.json_schema, 'schema') } : format,
    }),
  };
}

/**
 * Parameters of an app as a token holds them: each JSON Schema as text. What no token may hold stays as it is, and is
 * refused where one is made.
 */
export function tokenParameters(parameters: ModelParameters): TokenParameters {
  const { tools, response_format: format } = parameters;
  return {
    ...parametersOf(parameters as TokenParameters),
    ...(Array.isArray(tools) && { tools: tools.map((tool) => written(tool, 'function', 'parameters')) }),
    ...(format !== undefined && { response_format: written(format, 'json_schema', 'schema') }),
  } as TokenParameters;
}

function read<Name extends string, Value extends { readonly [Member in Name]?: string | undefined }>(
  value: Value,
  name: Name,
): SentSchema<Value, Name> {
  const text = value[name];
  return text === undefined ? (value as never) : { ...value, [name]: parseUserJson(text) };
}

function written(value: unknown, member: string, name: string): unknown {
  const inner = isObject(value) ? value[member] : undefined;
  if (!isObject(value) || !isObject(inner) || !isObject(inner[name])) return value;
  return { ...value, [member]: { ...inner, [name]: JSON.stringify(inner[name]) } };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
