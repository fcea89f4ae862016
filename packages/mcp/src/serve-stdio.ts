import type { Readable, Writable } from 'node:stream';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import type { McpServerOptions } from './mcp-server.js';
import { createMcpServer } from './mcp-server.js';

export interface StdioOptions extends McpServerOptions {
  readonly stdin: Readable;
  /** Carries messages of the protocol, and nothing else. */
  readonly stdout: Writable;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Serves one host on two streams until it closes its end, or the signal aborts. What it asked before its end is answered. */
export async function serveStdio({ stdin, stdout, signal, ...options }: StdioOptions): Promise<void> {
  const mcp = createMcpServer(options);
  const stopped = new Promise<void>((resolve) => {
    for (const stream of [stdin, stdout]) stream.once('error', () => resolve());
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  const read = new Promise<void>((resolve) => {
    for (const event of ['end', 'close']) stdin.once(event, () => resolve());
  });
  await mcp.server.connect(new StdioServerTransport(stdin, stdout));
  await Promise.race([
    stopped,
    read
      .then(nextTurn)
      .then(() => mcp.idle())
      .then(nextTurn),
  ]);
  await mcp.server.close();
}

/** Gives what was read its turn, and what was answered the time to be written. */
async function nextTurn(): Promise<void> {
  await new Promise((resolve) => void setImmediate(resolve));
}
