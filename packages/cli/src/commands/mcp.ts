import type { Command } from 'commander';
import type { Context } from '../context.js';
import { openReceipts } from '../home/open-receipts.js';
import { UsageError } from '../input/usage-error.js';
import { styled } from '../output/output.js';
import { collect } from './prompt/prompt.js';
import { readProxySettings } from './proxy/proxy-settings.js';

interface McpCommandOptions {
  readonly allow?: readonly string[];
  readonly label?: string;
}

/** `bulla mcp` */
export function addMcpCommand(program: Command, context: Context, version: string): void {
  program
    .command('mcp')
    .description('show stored prompts to a host of the Model Context Protocol, and run them for it')
    .option('--allow <name>', 'a prompt, or all below a folder such as claims/*: nothing else is shown', collect)
    .option('--label <label>', 'the version of each that this label points to (default: production)')
    .addHelpText(
      'after',
      `
A host such as an editor or a chat program starts this command itself and talks with it on standard input and output: do not
run it by hand. It shows the allowed prompts with their variables, opened on this machine; opened text goes to the host, and so
to the provider of its model. The tool run_prompt runs one at the responder instead: its text stays hidden, and the
verified answer comes with a receipt for bulla verify.

BULLA_PROXY_RECEIPTS decides whether answers are kept, as for bulla proxy.

Examples:
  $ bulla mcp --allow claims/triage
  $ bulla mcp --allow 'claims/*' --allow letters/answer --label staging`,
    )
    .action((options: McpCommandOptions) => serve(context, options, version));
}

async function serve(context: Context, { allow = [], label }: McpCommandOptions, version: string): Promise<void> {
  const { io, out } = context;
  const { AllowedNames, AllowError, GOES_TO_HOST, serveStdio } = await import('@bulla/mcp');
  let allowed: InstanceType<typeof AllowedNames>;
  try {
    allowed = new AllowedNames(allow);
  } catch (error) {
    if (!(error instanceof AllowError)) throw error;
    throw new UsageError(`--allow: ${error.message}`, 'for example: bulla mcp --allow claims/triage');
  }
  const { receipts } = readProxySettings(io.env);
  const bulla = await context.connect();
  try {
    const keeper = await openReceipts(context, receipts);
    out.talk(`bulla: shown to this host: ${allow.join(', ')}`);
    out.talk('bulla: ', styled('note:', 'strong'), ` ${GOES_TO_HOST}`);
    const { stdin, stdout, signal } = io;
    await serveStdio({ bulla, allowed, label, keeper, version, stdin, stdout, signal });
  } finally {
    await bulla.close();
  }
}
