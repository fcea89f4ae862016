import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { addEnvCommand } from './proxy-env.js';
import { addInstallCommand } from './proxy-install.js';
import { addReceiptsCommand } from './proxy-receipts.js';
import { addStartCommand } from './proxy-start.js';
import { addStatusCommand } from './proxy-status.js';

/** `bulla proxy …` */
export function addProxyCommands(program: Command, context: Context): void {
  const proxy = program
    .command('proxy')
    .description(
      'a local server for apps of OpenAI and Anthropic: what they send is sealed, what they get is verified',
    );
  addStartCommand(proxy, context);
  addStatusCommand(proxy, context);
  addEnvCommand(proxy, context);
  addReceiptsCommand(proxy, context);
  addInstallCommand(proxy, context);
}
