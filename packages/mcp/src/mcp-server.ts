import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CallToolRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListToolsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { AllowedNames } from './allowed-names.js';
import { badRequest, mcpErrorOf } from './mcp-errors.js';
import type { PromptSource } from './prompt-catalogue.js';
import { GOES_TO_HOST, PromptCatalogue } from './prompt-catalogue.js';
import type { McpKeeper } from './run-tool.js';
import { RUN_PROMPT, runPrompt, runPromptTool } from './run-tool.js';

export interface McpServerOptions {
  readonly bulla: PromptSource;
  /** Nothing else is shown or run. */
  readonly allowed: AllowedNames;
  /** The version of each prompt that its label points to; `production` unless given. */
  readonly label?: string | undefined;
  /** Where answers are kept; nowhere unless given. */
  readonly keeper?: McpKeeper | undefined;
  readonly version: string;
}

/** A server, and what it has not answered yet. */
export interface McpServer {
  readonly server: Server;
  /** When nothing that was asked waits for its answer. */
  idle(): Promise<void>;
}

/** A server of the Model Context Protocol: stored prompts as prompts, opened here, and a tool that runs one. */
export function createMcpServer({
  bulla,
  allowed,
  label = 'production',
  keeper,
  version,
}: McpServerOptions): McpServer {
  const catalogue = new PromptCatalogue(bulla, allowed, label);
  const server = new Server(
    { name: 'bulla', title: 'Bulla', version },
    { capabilities: { prompts: {}, tools: {} }, instructions: `Stored prompts of Bulla. ${GOES_TO_HOST}` },
  );
  const parts = { source: bulla, catalogue, label, keeper };
  const waiting = new Set<Promise<unknown>>();
  /** Whatever fails is an error of the protocol, without content. */
  const told = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    const answer = work().catch((error: unknown) => {
      throw mcpErrorOf(error);
    });
    waiting.add(answer);
    return answer.finally(() => waiting.delete(answer));
  };
  server.setRequestHandler(ListPromptsRequestSchema, () => told(async () => ({ prompts: await catalogue.list() })));
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) =>
    told(() => catalogue.get(params.name, params.arguments ?? {})),
  );
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [runPromptTool(allowed.inWords)] }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }, { signal }) =>
    told(async () => {
      if (params.name !== RUN_PROMPT) throw badRequest(`the only tool here is ${RUN_PROMPT}`);
      return runPrompt(parts, params.arguments, signal);
    }),
  );
  return { server, idle: async () => void (await Promise.allSettled(waiting)) };
}
