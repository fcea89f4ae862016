import type { ModelParameters } from '@bulla/crypto';
import * as z from 'zod';
import type { AppObject } from '../app-body.js';
import { refused } from '../app-errors.js';
import { shaped, typeOf } from '../request-members.js';

const schemaObject = z.record(z.string(), z.unknown());

const functionSchema = z.strictObject({
  type: z.literal('function'),
  name: z.string(),
  description: z.string().nullish(),
  parameters: schemaObject.nullish(),
  strict: z.boolean().nullish(),
});
const FUNCTIONS_ONLY = 'only functions are passed on, since no tool runs at a server here';
/** Tools that a server of their vendor runs, or that have a grammar of their own: an error says their names. */
const SERVER_TOOLS = new Set(
  ['web_search', 'web_search_preview', 'file_search', 'code_interpreter', 'image_generation', 'mcp', 'computer']
    .concat('computer_use_preview', 'local_shell', 'shell', 'apply_patch', 'custom', 'namespace', 'tool_search')
    .concat('programmatic_tool_calling'),
);

const choiceSchema = z.union(
  [z.enum(['none', 'auto', 'required']), z.strictObject({ type: z.literal('function'), name: z.string() })],
  { error: 'must be none, auto, required, or a function by its name' },
);
const formatSchema = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('text') }),
    z.strictObject({ type: z.literal('json_object') }),
    z.strictObject({
      type: z.literal('json_schema'),
      name: z.string(),
      schema: schemaObject,
      description: z.string().nullish(),
      strict: z.boolean().nullish(),
    }),
  ],
  { error: 'must be text, json_object or json_schema' },
);
const textSchema = z.strictObject({
  format: formatSchema.nullish(),
  verbosity: z.enum(['low', 'medium', 'high']).nullish(),
});

type Tool = NonNullable<ModelParameters['tools']>[number];

/**
 * Tools of a request, and how a model is to use them. Without a tool nothing is said of them: servers refuse it.
 * @throws {BullaError} validation_failed for a tool that is no function, by the name of its type
 */
export function toolsOf(members: AppObject): Pick<ModelParameters, 'tools' | 'tool_choice' | 'parallel_tool_calls'> {
  const tools = listOf(members['tools']).map((tool, at) => functionOf(tool, at));
  const choice = choiceOf(members['tool_choice']);
  // guard: responses-choice-tools
  if (tools.length === 0 && choice !== undefined && choice !== 'auto' && choice !== 'none')
    throw refused('/tool_choice', 'must not ask for a tool: the request brings none along');
  if (tools.length === 0) return {};
  const parallel = members['parallel_tool_calls'];
  return {
    tools,
    ...(choice !== undefined && { tool_choice: choice }),
    ...(parallel !== undefined && { parallel_tool_calls: shaped(parallel, z.boolean(), ['parallel_tool_calls']) }),
  };
}

function listOf(tools: unknown): readonly unknown[] {
  return tools === undefined ? [] : shaped(tools, z.array(z.unknown()), ['tools']);
}

function functionOf(tool: unknown, at: number): Tool {
  const type = typeOf(tool);
  // guard: responses-function-only
  if (type !== 'function') {
    const named = type !== undefined && SERVER_TOOLS.has(type) ? `is ${type}: ` : 'must be function: ';
    throw refused(`/tools/${at}/type`, `${named}${FUNCTIONS_ONLY}`);
  }
  const { name, description, parameters, strict } = shaped(tool, functionSchema, ['tools', at]);
  return {
    type: 'function',
    function: {
      name,
      ...(typeof description === 'string' && { description }),
      ...(parameters && { parameters }),
      ...(typeof strict === 'boolean' && { strict }),
    },
  };
}

function choiceOf(choice: unknown): ModelParameters['tool_choice'] {
  if (choice === undefined) return undefined;
  const read = shaped(choice, choiceSchema, ['tool_choice']);
  return typeof read === 'string' ? read : { type: 'function', function: { name: read.name } };
}

/** How the text is to be: its form, and how much of it. @throws {BullaError} validation_failed */
export function textOf(text: unknown): Pick<ModelParameters, 'response_format' | 'verbosity'> {
  if (text === undefined) return {};
  const { format, verbosity } = shaped(text, textSchema, ['text']);
  return {
    ...(format && format.type !== 'text' && { response_format: formatOf(format) }),
    ...(verbosity && { verbosity }),
  };
}

function formatOf(format: z.infer<typeof formatSchema>): NonNullable<ModelParameters['response_format']> {
  if (format.type !== 'json_schema') return format;
  const { name, schema, description, strict } = format;
  return {
    type: 'json_schema',
    json_schema: {
      name,
      schema,
      ...(typeof description === 'string' && { description }),
      ...(typeof strict === 'boolean' && { strict }),
    },
  };
}
