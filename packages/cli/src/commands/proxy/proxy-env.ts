import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { appEnvironment } from './app-environment.js';
import { findRunning } from './running-proxy.js';

/** `bulla proxy env` */
export function addEnvCommand(proxy: Command, context: Context): void {
  proxy
    .command('env')
    .description('print what apps need to use the running proxy, as a shell sets it; the key is in it')
    .option('--json', 'print it as JSON')
    .addHelpText('after', '\nExample:\n  $ eval "$(bulla proxy env)"')
    .action(() => printEnvironment(context));
}

async function printEnvironment(context: Context): Promise<void> {
  const { origin, token } = await findRunning(context);
  const environment = appEnvironment(origin, token);
  if (context.asJson) return context.out.json(environment);
  for (const [name, value] of Object.entries(environment)) context.out.line(`export ${name}=${quoted(value)}`);
}

/** For a shell: in single quotes nothing means anything else. */
function quoted(value: string): string {
  return `'${value.replaceAll("'", String.raw`'\''`)}'`;
}
