import type { ModelParameters } from '@bulla/crypto';
import * as z from 'zod';
import { refused } from '../app-errors.js';
import { shaped, typeOf } from '../request-members.js';

const hint = z.unknown().optional();
const toolSchema = z.strictObject({
  type: z.literal('custom').nullish(),
  name: z.string(),
  description: z.string().nullish(),
  input_schema: z.record(z.string(), z.unknown()),
  strict: z.boolean().nullish(),
  cache_control: hint,
  eager_input_streaming: hint,
  defer_loading: z.literal(false, { error: 'must not be there: every tool is shown to the model here' }).optional(),
  allowed_callers: z
    .tuple([z.literal('direct')], { error: 'must not be there: only a model calls tools here' })
    .optional(),
});
/** Tools that a server of their vendor runs, by how the names of their types begin: an error says which. */
const SERVER_TOOLS = ['web_search', 'web_fetch', 'code_execution', 'tool_search_tool', 'mcp_toolset'];
const OWN_TOOLS = ['bash', 'text_editor', 'computer', 'memory', 'browser'];

const parallel = { disable_parallel_tool_use: z.boolean().nullish() };
const choiceSchema = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('auto'), ...parallel }),
    z.strictObject({ type: z.literal('any'), ...parallel }),
    z.strictObject({ type: z.literal('tool'), name: z.string(), ...parallel }),
    z.strictObject({ type: z.literal('none') }),
  ],
  { error: 'must be auto, any, none, or a tool by its name' },
);

type Tool = NonNullable<ModelParameters['tools']>[number];
type Tools = Pick<ModelParameters, 'tools' | 'tool_choice' | 'parallel_tool_calls'>;

/**
 * Tools of a request, and how a model is to use them.
 * @throws {BullaError} validation_failed for a tool that the app does not describe itself, by the name of its type
 */
export function chatTools(tools: unknown, choice: unknown): Tools {
  const listed = tools === undefined ? [] : shaped(tools, z.array(z.unknown()), ['tools']);
  const functions = listed.map((tool, at) => functionOf(tool, at));
  const chosen = choice === undefined ? undefined : shaped(choice, choiceSchema, ['tool_choice']);
  // guard: messages-choice-tools
  if (functions.length === 0 && (chosen?.type === 'any' || chosen?.type === 'tool'))
    throw refused('/tool_choice', 'must not ask for a tool: the request brings none along');
  if (functions.length === 0) return {};
  const isOne = chosen !== undefined && chosen.type !== 'none' && chosen.disable_parallel_tool_use === true;
  return {
    tools: functions,
    ...(chosen !== undefined && { tool_choice: choiceOf(chosen) }),
    ...(isOne && { parallel_tool_calls: false }),
  };
}

function choiceOf(choice: z.infer<typeof choiceSchema>): NonNullable<ModelParameters['tool_choice']> {
  if (choice.type === 'tool') return { type: 'function', function: { name: choice.name } };
  return choice.type === 'any' ? 'required' : choice.type;
}

function functionOf(tool: unknown, at: number): Tool {
  const type = typeOf(tool) ?? 'custom';
  // guard: messages-tool-custom
  if (type !== 'custom') throw refused(`/tools/${at}/type`, whyNot(type));
  const { name, description, input_schema: parameters, strict } = shaped(tool, toolSchema, ['tools', at]);
  return {
    type: 'function',
    function: {
      name,
      ...(typeof description === 'string' && { description }),
      parameters,
      ...(typeof strict === 'boolean' && { strict }),
    },
  };
}

function whyNot(type: string): string {
  const begins = (name: string) => type.startsWith(name);
  const server = SERVER_TOOLS.find(begins);
  if (server !== undefined) return `is ${server}: no tool runs at a server here`;
  const own = OWN_TOOLS.find(begins);
  const which = own === undefined ? 'must be custom: ' : `is ${own}: `;
  return `${which}only tools that say their own input_schema are passed on`;
}
