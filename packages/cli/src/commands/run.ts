import type { Answer, RunOptions } from '@bulla/client';
import { askerMessagesSchema } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { answerFooter, readAnswer, WAITING_FOR_ANSWER } from '../output/answer-text.js';
import { readText, writeWhole } from '../input/files.js';
import { requireNamedVersion } from '../input/names.js';
import { UsageError } from '../input/usage-error.js';
import { readVariables } from '../input/variables.js';
import { readParameters, readTokens } from '../input/run-parameters.js';
import { choiceOf, collect } from './prompt/prompt.js';

interface RunCommandOptions {
  readonly var?: readonly string[];
  readonly varText?: readonly string[];
  readonly label?: string;
  readonly version?: string;
  readonly stream?: boolean;
  readonly json?: boolean;
  readonly completion?: boolean;
  readonly raw?: boolean;
  readonly showQuestion?: boolean;
  readonly out?: string;
  readonly responder?: string;
  readonly maxOutputTokens?: string;
  readonly temperature?: string;
  readonly set?: readonly string[];
  readonly messages?: string;
}

/** `bulla run` */
export function addRunCommand(program: Command, context: Context): void {
  program
    .command('run')
    .argument('<prompt>', 'its name, with @3, @v3 or @staging behind it for that version')
    .description('run a prompt and print the verified answer')
    .option('--var <name=value>', 'a variable: name=text, name=@file, or name=- for standard input', collect)
    .option('--var-text <name=text>', 'a variable that is this text, whatever it begins with', collect)
    .option('--label <label>', 'the version that this label points to (default: production)')
    .option('--version <n>', 'this version')
    .option('--messages <file>', 'your own messages after those of the prompt, where it takes some: a JSON list')
    .option('--responder <urn>', 'ask this responder (default: the first of the directory)')
    .option('--max-output-tokens <n>', 'no longer answer than this; the prompt may ask for less')
    .option('--temperature <n>', 'where the prompt lets askers set it: how much chance there is, from 0 to 2')
    .option('--set <name=value>', 'another parameter that it lets askers set: name=value, or name=@file', collect)
    .option('--stream', 'print the text while it is made; the last line says whether it was signed')
    .option('--json', 'print answer.json, which `bulla verify` proves')
    .option('--completion', 'print what the model said as JSON in the shape of OpenAI, with calls of tools')
    .option('--raw', 'print the text and nothing else: no line end is added')
    .option('--show-question', 'with --json: include the variables, so that the file proves them as well')
    .option('-o, --out <file>', 'write to this file instead of standard output')
    .addHelpText(
      'after',
      `
Variables that are secret belong into files or standard input: other users of this machine can see command lines.
--var x="$TEXT" reads and sends a file where the text begins with @, and standard input where it is -. For a text that
you did not write yourself use --var-text x="$TEXT", or a file. No variable is read from where Bulla keeps keys.

A prompt with \`messages: true\` takes messages of yours; FILE holds a list such as
[{"role": "user", "content": "And in one word?"}], with the roles user, assistant and tool, - for standard input.

Parameters have the names that OpenAI's interface gives them, such as --set seed=7 --set stop=END, and --set tools=@tools.json
for JSON in a file. \`bulla prompt show\` lists those that a prompt lets you set.

Examples:
  $ bulla run claims/triage --var claim=@claim.txt --stream
  $ cat claim.txt | bulla run claims/triage --var claim=-
  $ bulla run claims/triage --var claim=@claim.txt --json > answer.json && bulla verify answer.json`,
    )
    .action((prompt: string, options: RunCommandOptions) => runPrompt(context, prompt, options));
}

async function runPrompt(context: Context, given: string, options: RunCommandOptions): Promise<void> {
  const named = requireNamedVersion(given);
  const { name } = named;
  const shapes = [options.json, options.raw, options.completion].filter((one) => one === true);
  if (shapes.length > 1) throw new UsageError('--json, --raw and --completion exclude each other');
  if (options.showQuestion === true && options.json !== true) throw new UsageError('--show-question needs --json');
  const choice = choiceOf(options, named);
  const bulla = await context.connect();
  // Only for a vault whose root is the pinned one are the variables even read.
  const vars = await readVariables(context.io, {
    values: options.var ?? [],
    texts: options.varText ?? [],
    keyPlaces: context.keyPlaces,
  });
  const startedMs = performance.now();
  const { responder, maxOutputTokens, messages } = options;
  const parameters = await readParameters(context.io, options);
  const runOptions: RunOptions = {
    signal: context.io.signal,
    ...(responder !== undefined && { responder }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens: readTokens(maxOutputTokens) }),
    ...(parameters !== undefined && { parameters }),
    ...(messages !== undefined && { messages: readMessages(await readText(context.io, messages)) }),
  };
  const shown = new Shown(context, options);
  try {
    const prompt = bulla.prompt(name, choice);
    const answer =
      options.stream === true
        ? await readAnswer(context.out, prompt.stream(vars, runOptions), (piece) => shown.piece(piece))
        : await context.out.during(WAITING_FOR_ANSWER, prompt.run(vars, runOptions));
    await shown.answer(answer);
    context.out.talk(...answerFooter(answer, performance.now() - startedMs));
  } catch (error) {
    shown.cut();
    throw error;
  }
}

/** @throws {UsageError} that repeats nothing of the file */
function readMessages(text: string): NonNullable<RunOptions['messages']> {
  const messages = askerMessagesSchema.safeParse(jsonIn(text));
  if (messages.success && messages.data.length > 0) return messages.data;
  const [issue] = messages.error?.issues ?? [];
  const at = issue === undefined || issue.path.length === 0 ? '' : ` at /${issue.path.map(String).join('/')}`;
  throw new UsageError(
    `--messages: it is no list of messages${at}`,
    'expected: [{"role": "user", "content": "…"}], with the roles user, assistant and tool',
  );
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What of an answer goes where. */
class Shown {
  readonly #context: Context;
  readonly #options: RunCommandOptions;
  readonly #live: boolean;
  #any = false;

  constructor(context: Context, options: RunCommandOptions) {
    this.#context = context;
    this.#options = options;
    const isText = options.json !== true && options.completion !== true;
    this.#live = options.stream === true && isText && options.out === undefined;
  }

  piece(text: string): void {
    if (!this.#live) return;
    this.#any = true;
    this.#context.out.text(text);
  }

  /** Ends the line of an answer that was cut, so that the error begins on its own. */
  cut(): void {
    if (this.#any && this.#options.raw !== true) this.#context.out.text('\n');
  }

  async answer(answer: Answer): Promise<void> {
    const { json, completion, raw, showQuestion = false, out } = this.#options;
    // A terminal, and most programs, want a last line to end; with --raw nothing is added.
    const end = raw === true || answer.text.endsWith('\n') ? '' : '\n';
    if (this.#live) {
      if (this.#any) this.#context.out.text(end);
      return;
    }
    const said = completion === true ? `${JSON.stringify(answer.completion)}\n` : answer.text + end;
    const text = json === true ? answer.toFile({ showQuestion }) : said;
    if (out !== undefined) await writeWhole(out, text);
    else if (json === true || completion === true) this.#context.out.document(text);
    else this.#context.out.text(text);
  }
}
