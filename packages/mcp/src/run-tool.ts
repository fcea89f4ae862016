import type { AnswerKeeper } from '@bulla/client/apps';
import type { CallToolResult, Tool } from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import { badRequest } from './mcp-errors.js';
import type { PromptCatalogue, PromptSource } from './prompt-catalogue.js';

/** Where answers are kept, so that they can be proved later. */
export interface McpKeeper extends AnswerKeeper {
  /** Whether an answer of this id may not be there. */
  isUnsure(id: string): boolean;
}

export const RUN_PROMPT = 'run_prompt';
const VARIABLES_MAX = 128;

const RunPromptInput = z.strictObject({
  name: z.string().min(1).max(256),
  variables: z.record(z.string().min(1).max(128), z.string()).default({}),
});

/** The tool as hosts see it. @param names what may be run, in words */
export function runPromptTool(names: string): Tool {
  return {
    name: RUN_PROMPT,
    title: 'Run a stored prompt',
    description:
      `Runs a stored prompt of Bulla (${names}): the variables are sealed to the responder, which runs it, and the answer ` +
      'is verified here before it is told. The text of the prompt stays hidden; the answer goes to this host, and so to ' +
      'the provider of its model. The receipt id proves the answer: bulla verify ID.',
    inputSchema: {
      type: 'object',
      properties: {
        name: { type: 'string', description: 'the name of the prompt' },
        variables: {
          type: 'object',
          additionalProperties: { type: 'string' },
          description: 'what stands for each of its variables',
        },
      },
      required: ['name'],
      additionalProperties: false,
    },
    outputSchema: {
      type: 'object',
      properties: {
        text: { type: 'string', description: 'the answer' },
        verified: { type: 'boolean', description: 'always true: what cannot be verified is an error' },
        receipt_id: { type: 'string', description: 'bulla verify ID proves the answer; absent where it is not kept' },
        prompt: { type: 'string' },
        version: { type: 'integer' },
        model: { type: 'string' },
        responder: { type: 'string' },
      },
      required: ['text', 'verified', 'prompt', 'version', 'model', 'responder'],
    },
    annotations: { destructiveHint: false, openWorldHint: true },
  };
}

/** What a run needs. */
export interface RunParts {
  readonly source: PromptSource;
  readonly catalogue: PromptCatalogue;
  readonly label: string;
  readonly keeper: McpKeeper | undefined;
}

/**
 * Runs a prompt, and tells its verified answer.
 * @throws {McpError} if the name is not allowed; {BullaError} what vault, responder or model refused, or what is not verified
 */
export async function runPrompt(
  { source, catalogue, label, keeper }: RunParts,
  given: unknown,
  signal: AbortSignal,
): Promise<CallToolResult> {
  const input = RunPromptInput.safeParse(given);
  if (!input.success || Object.keys(input.data.variables).length > VARIABLES_MAX)
    throw badRequest('run_prompt takes {"name": "…", "variables": {"…": "…"}}, and no other member');
  const { name, variables } = input.data;
  catalogue.requireAllowed(name);
  const answer = await source.prompt(name, { label }).run(variables, { signal });
  const id = keeper?.newId();
  await keeper?.keep(id, answer);
  const receipt = id === undefined || keeper?.isUnsure(id) === true ? undefined : id;
  const { text, verified, prompt, model, responder } = answer;
  return {
    content: [
      { type: 'text', text },
      { type: 'text', text: receipt === undefined ? 'verified; no receipt is kept' : `verified; receipt ${receipt}` },
    ],
    structuredContent: {
      text,
      verified,
      ...(receipt !== undefined && { receipt_id: receipt }),
      prompt: prompt.name,
      version: prompt.version,
      model,
      responder,
    },
  };
}
