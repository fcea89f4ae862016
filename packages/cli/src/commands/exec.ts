import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { Interrupted } from '../input/asker.js';
import { appEnvironment } from './proxy/app-environment.js';
import { openUnlessEnded } from './proxy/open-proxy.js';
import { readProxySettings } from './proxy/proxy-settings.js';

/** What is passed on. At a terminal the system sends SIGINT and SIGQUIT to the command itself. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
const OF_TERMINAL: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGQUIT']);
/** Secrets of Bulla, of which the command needs nothing. */
const OWN_SECRETS = ['BULLA_PASSPHRASE', 'BULLA_PROXY_TOKEN', 'BULLA_STREAM_TOKEN', 'BULLA_LLM_API_KEY'];

/** `bulla exec` */
export function addExecCommand(program: Command, context: Context): void {
  program
    .command('exec')
    .description('run one command whose calls of models are sealed and verified, through a proxy of its own')
    .argument('<command...>', 'the command and its arguments, after --')
    .passThroughOptions()
    .addHelpText(
      'after',
      `
It finds the proxy by OPENAI_BASE_URL and OPENAI_API_KEY, ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY. The proxy has a free
port and a key that nobody else is told, and ends with the command. Signals are passed on, and this ends as the command ends:
with its exit code, with 128 and the number of a signal that ended it, or with 127 where there is no such command. The settings
of \`bulla proxy\` hold, but for its address and its key.

Examples:
  $ bulla exec -- node app.mjs
  $ bulla exec -- python3 app.py`,
    )
    .action((command: string[]) => execute(context, command));
}

async function execute(context: Context, [file = '', ...args]: readonly string[]): Promise<void> {
  const { io } = context;
  const settings = readProxySettings(io.env);
  const { Bearer } = await import('@bulla/proxy');
  const token = Bearer.newToken();
  const proxy = await openUnlessEnded(context, settings, { token, listen: '127.0.0.1:0' });
  // Nothing runs yet.
  if (proxy === undefined) throw new Interrupted();
  try {
    const kept = Object.entries(io.env).filter(([name]) => !OWN_SECRETS.includes(name));
    const env = { ...Object.fromEntries(kept), ...appEnvironment(proxy.server.origin, token) };
    context.exitCode = await runToEnd(context, file, args, env);
  } finally {
    await proxy.close(0);
  }
}

/** Runs a command with the streams of this process. @returns what a shell would call its end */
function runToEnd({ io }: Context, file: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, stdio: 'inherit' });
    const passOn = (signal: NodeJS.Signals): void => {
      if (io.stdin.isTTY !== true || !OF_TERMINAL.has(signal)) child.kill(signal);
    };
    for (const signal of SIGNALS) process.on(signal, passOn);
    const over = (): void => {
      for (const signal of SIGNALS) process.off(signal, passOn);
    };
    child.on('error', ({ code }: NodeJS.ErrnoException) => {
      over();
      reject(new CommandError(code));
    });
    child.on('exit', (code, signal) => {
      over();
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/** The command could not be run; it ends as a shell ends then. */
class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;
  readonly hint = 'name a program that can be run, and its arguments, after --';

  constructor(code = 'unknown') {
    super(`the command after -- cannot be run (${code})`);
    this.exitCode = code === 'ENOENT' ? 127 : 126;
  }
}
