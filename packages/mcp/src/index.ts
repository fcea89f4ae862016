export { AllowedNames, AllowError } from './allowed-names.js';
export type { McpServer, McpServerOptions } from './mcp-server.js';
export { createMcpServer } from './mcp-server.js';
export { GOES_TO_HOST } from './prompt-catalogue.js';
export type { McpKeeper } from './run-tool.js';
export { RUN_PROMPT } from './run-tool.js';
export type { StdioOptions } from './serve-stdio.js';
export { serveStdio } from './serve-stdio.js';
