import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { partsFor } from './parts.js';
import type { GlobalOptions } from './context.js';
import { Context } from './context.js';
import { report } from './output/exit-code.js';
import { addHelpCommand } from './help.js';
import { caFileOf, trustOwnAuthorities } from './input/authorities.js';
import type { Io, OutputStream } from './io.js';

/** Commands whose first argument says what they are about. */
const ABOUT = /^(run|verify|prompt (push|pull|show|history|diff|promote|rollback|label|reseal|delete))$/;
/** Commands that work with the home folder; `doctor` looks at every mode itself. */
const OF_HOME = /^(up|init|run|exec|(prompt|approve|audit|trust|policy|people|device|invitations|proxy) .*)$/;
/** Commands that run until they are told to end, and then end in order and with 0; so does one that is repeated. */
const SERVICES = new Set(['up', 'fake-openai', 'tail', 'stream', 'start', 'exec']);

/** How a hint begins that names a command's help. */
const SEE = 'see ';

const HELP = `
Bulla keeps prompts sealed: they are encrypted and signed here, stored by a vault that cannot read them, and
answered by a responder whose answers only you can open and anybody can verify.

Begin:
  $ bulla up                     vault, responder and a development organisation on this machine
  $ bulla demo                   in a second terminal: one prompt through every step, each check printed

Then:
  $ bulla prompt push claims/triage -f triage.md --label production -m "first"
  $ bulla run claims/triage --var claim=@claim.txt --stream
  $ bulla run claims/triage --var claim=@claim.txt --json > answer.json
  $ bulla verify answer.json

For apps that you have already:
  $ bulla exec -- node app.mjs   one command, whose calls of models are sealed and verified
  $ bulla proxy                  the same for all apps, which find it by OPENAI_BASE_URL

With key files alone, no server (bulla keys generate makes them):
  $ bulla seal --to alice.pub.pem --from bob.key.pem < letter.txt > letter.jwe
  $ bulla open --key alice.key.pem --sender bob.pub.pem < letter.jwe

Results go to standard output, everything else to standard error.

Exit codes:
  0 ok, 1 error, 2 usage, 3 conflict, 4 who you are is not established, 5 you may not, 6 not found,
  7 rate or budget, 8 network, 9 not ready, 10 verification failed, 11 signed and waits for others,
  12 logs are whole and evidence in them does not fit, 78 bad settings, 130 interrupted`;

/**
 * Runs one command line.
 * @param argv the arguments after the name of the program
 * @returns the exit code (docs/guide/cli.md#streams-and-exit-codes)
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const context = new Context(io);
  let command: string | undefined;
  let label: string | undefined;
  let isService = false;
  // Before the command line is understood: a program that asks for JSON gets its mistakes as JSON too.
  const asJson = asksForJson(argv);
  const usage: string[] = [];
  const program = await buildProgram(argv, context, asJson ? usage : undefined);
  program.hook('preAction', async (_, action) => {
    context.use(globalOptions(action));
    trustOwnAuthorities(io);
    if (context.asJson) action.setOptionValue('json', true);
    command = nameOf(action);
    const subject = ABOUT.test(command) ? subjectOf(command, action.args[0]) : undefined;
    context.subject = subject === '-' ? 'standard input' : subject;
    const of: unknown = action.opts()['label'];
    label = typeof of === 'string' ? of : undefined;
    isService = SERVICES.has(action.name()) || action.opts()['every'] !== undefined;
    if (OF_HOME.test(command)) await context.noteOpenHome();
  });
  const { promise: interrupted, reject } = Promise.withResolvers<never>();
  const interrupt = () => {
    if (!isService) reject(io.signal.reason as Error);
  };
  io.signal.addEventListener('abort', interrupt);
  try {
    await Promise.race([program.parseAsync([...argv], { from: 'user' }), interrupted]);
    return context.exitCode;
  } catch (error) {
    return report(error, context.out, io.signal.aborted && !isService, {
      subject: context.subject,
      command,
      label,
      caFile: caFileOf(io),
      asJson,
      usage,
    });
  } finally {
    io.signal.removeEventListener('abort', interrupt);
  }
}

/** @param usage where mistakes of the command line go instead of standard error, if anywhere */
async function buildProgram(argv: readonly string[], context: Context, usage: string[] | undefined): Promise<Command> {
  const program = new Command('bulla')
    .description('end-to-end encryption for LLM prompts')
    .version(packageVersion(), '-V, --version', 'print the version')
    .enablePositionalOptions()
    .addHelpText('after', HELP)
    .exitOverride()
    .configureOutput({
      getOutHelpWidth: () => widthOf(context.io.stdout),
      getErrHelpWidth: () => widthOf(context.io.stderr),
      writeOut: (text) => context.out.help(text),
      writeErr: (text) => sayUsage(context, usage, text),
      outputError: (text) => reportUsage(context, usage, text),
    });
  // One after the other: help shows them in this order.
  for (const part of partsFor(argv)) (await part.load())(program, context, packageVersion());
  addHelpCommand(program);
  addGlobalOptions(program);
  addUsageHints(program, 'bulla');
  return program;
}

/** A file as it is called, a prompt without the version that is meant. */
function subjectOf(command: string, argument: string | undefined): string | undefined {
  return command === 'verify' ? argument : argument?.replace(/@[^@]*$/, '');
}

/** How wide help may be: as the terminal, where there is one. */
function widthOf({ isTTY, columns }: OutputStream): number {
  return isTTY === true && columns !== undefined ? Math.max(columns, 40) : 80;
}

/** What is wrong with a command line, and what was perhaps meant, each in a line of its own. */
function reportUsage({ out }: Context, usage: string[] | undefined, text: string): void {
  const [message = '', meant] = text
    .replace(/^error: /, '')
    .trimEnd()
    .split(/\n\((?=Did you mean)/);
  const hint = meant && `${meant.charAt(0).toLowerCase()}${meant.slice(1).replace(/\)$/, '')}`;
  if (usage !== undefined) {
    usage.push(message, ...(hint === undefined ? [] : [hint]));
    return;
  }
  out.error(message);
  if (hint !== undefined) out.hint(hint);
}

/** Help that was not asked for: all of it where a command is missing, else where it is. */
function sayUsage({ out }: Context, usage: string[] | undefined, text: string): void {
  if (usage !== undefined) {
    if (text.startsWith(SEE)) usage.push(text.trimEnd());
  } else if (text.startsWith(SEE)) out.hint(text.trimEnd());
  else out.usage(text);
}

/** Whether --json stands among the options. What follows `--` is not an option. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).includes('--json');
}

/** After a mistake, which help says how it is done. */
function addUsageHints(command: Command, name: string): void {
  command.showHelpAfterError(`${SEE}\`${name} --help\``);
  for (const child of command.commands) addUsageHints(child, `${name} ${child.name()}`);
}

/** Options that stand before the command or after it; shown in the help of the program only. */
function addGlobalOptions(command: Command): void {
  const isProgram = command.parent === null;
  const options = [
    new Option('--url <url>', "the vault (default: the profile's)"),
    new Option('--profile <file>', 'the profile (default: profile.json in BULLA_HOME)'),
    new Option('-q, --quiet', 'say nothing but results and errors'),
    new Option('--no-color', 'no colours; NO_COLOR does the same'),
    new Option('--json', 'results and errors as JSON'),
  ];
  // Where a command has results, its own help says what they are as JSON.
  for (const option of options)
    if (!command.options.some(({ long }) => long === option.long))
      command.addOption(isProgram ? option : option.hideHelp());
  for (const child of command.commands) addGlobalOptions(child);
}

/** `prompt push` for a command of a command. */
function nameOf(command: Command): string {
  const { parent } = command;
  return parent === null || parent.parent === null ? command.name() : `${parent.name()} ${command.name()}`;
}

/** Those that were given, wherever they stood; the innermost counts. */
function globalOptions(action: Command): GlobalOptions {
  const given: Record<string, unknown> = {};
  for (let command: Command | null = action; command !== null; command = command.parent) {
    for (const name of ['url', 'profile', 'quiet', 'color', 'json']) {
      if (!Object.hasOwn(given, name) && command.getOptionValueSource(name) === 'cli')
        given[name] = command.getOptionValue(name);
    }
  }
  return given;
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
