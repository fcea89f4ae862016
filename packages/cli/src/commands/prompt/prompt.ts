import { BullaError } from '@bulla/client';
import { STATEMENT_MAX_BYTES } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { EXIT } from '../../output/exit-code.js';
import { readText, writeWhole } from '../../input/files.js';
import type { NamedVersion } from '../../input/names.js';
import {
  requireLabel,
  requireNamedVersion,
  requirePrefix,
  requirePromptName,
  requireVersion,
  shortName,
} from '../../input/names.js';
import { noteUnknownGroups } from '../../input/groups.js';
import { counted, styled } from '../../output/output.js';
import { draftOf, fileOf } from '../../input/prompt-draft.js';
import { PromptFileError } from '../../input/prompt-file-error.js';
import { unlistedResponders } from '../../input/prompt-file.js';
import { UsageError } from '../../input/usage-error.js';
import { addDiffCommand } from './prompt-diff.js';
import { addLabelCommands, pendingLine } from './prompt-labels.js';
import { addResealCommand } from './prompt-reseal.js';
import { addUnfitCommand } from './prompt-unfit.js';
import { addUnshareCommand } from './prompt-unshare.js';
import { addStandingCommands } from './prompt-standing.js';
import { showHistory, showPrompt, showPrompts } from './prompt-views.js';

interface PushOptions {
  readonly file: string;
  readonly label?: readonly string[];
  readonly message?: string;
  readonly newKey?: boolean;
  readonly clear?: boolean;
  readonly json?: boolean;
}
interface ChoiceOptions {
  readonly label?: string;
  readonly version?: string;
}

/** What stands for a version on a command line. */
const NAMED_VERSION = 'the prompt, with @3, @v3 or @production behind it for that version';

/** `bulla prompt …` */
export function addPromptCommands(program: Command, context: Context): void {
  const prompt = program
    .command('prompt')
    .description('seal, read and manage prompts')
    .addHelpText(
      'after',
      `
A prompt is a Markdown file. {{name}} in it is a variable:

  Sort this insurance claim by urgency and say why in two sentences.

  {{claim}}

It is sealed on this machine before it is sent: the vault stores what it cannot read, unless the policy says that it
manages the name.

Examples:
  $ bulla prompt push claims/triage -f triage.md --label production -m "first"
  $ bulla prompt push open/faq -f faq.md --clear     (of a name that the vault manages; over TLS alone)
  $ bulla prompt list claims/
  $ bulla prompt history claims/triage
  $ bulla prompt diff claims/triage production
  $ bulla prompt promote claims/triage 2 --label production
  $ bulla prompt rollback claims/triage              (production points where it did before)
  $ bulla prompt confirm claims/triage@production    (production stays there for longer)
  $ bulla prompt reseal claims/triage --labelled     (for somebody who came in since)
  $ bulla prompt pull claims/triage --out triage.md`,
    );
  addWriting(prompt, context);
  addLabelCommands(prompt, context);
  addStandingCommands(prompt, context);
  addResealCommand(prompt, context);
  addUnfitCommand(prompt, context);
  addUnshareCommand(prompt, context);
  addReading(prompt, context);
  addDiffCommand(prompt, context);
}

function addWriting(prompt: Command, context: Context): void {
  prompt
    .command('push <name>')
    .description(
      'seal a prompt file as the next version; unchanged text makes none: it is sealed to who came since, and labels move',
    )
    .requiredOption('-f, --file <path>', 'the prompt file, or - for standard input')
    .option('--label <label>', 'point this label to the version; may be given several times', collect)
    .option('-m, --message <text>', 'what is new in this version')
    .option('--new-key', 'make a version of an unchanged text too: its data key is new, for those who may have it now')
    .option(
      '--clear',
      'send the text as it is, over TLS: the vault signs and seals it, if the policy has it manage the name',
    )
    .option('--json', 'print the result as JSON')
    .action((name: string, options: PushOptions) => push(context, name, options));
  prompt
    .command('delete <name>')
    .description('delete a prompt with all its versions')
    .option('--yes', 'do not ask')
    .option('--json', 'print the result as JSON')
    .action((name: string, options: { yes?: boolean; json?: boolean }) => remove(context, name, options));
}

function addReading(prompt: Command, context: Context): void {
  prompt
    .command('pull')
    .argument('<name>', NAMED_VERSION)
    .description('open a version and write its file, byte for byte as it was pushed')
    .option('--label <label>', 'the version that this label points to (default: latest)')
    .option('--version <n>', 'this version')
    .option('-o, --out <file>', 'write to this file (default: standard output)')
    .option('--json', 'with --out: print what was written as JSON')
    .action((text: string, options: ChoiceOptions & { out?: string }) => pull(context, text, options));
  prompt
    .command('show')
    .argument('<name>', NAMED_VERSION)
    .description('open a version and show what it says and who may run it')
    .option('--label <label>', 'the version that this label points to (default: latest)')
    .option('--version <n>', 'this version')
    .option('--json', 'print it as JSON')
    .action((text: string, options: ChoiceOptions & { json?: boolean }) => {
      const named = requireNamedVersion(text);
      return showPrompt(context, named.name, choiceOf(options, named), options.json === true);
    });
  prompt
    .command('list [prefix]')
    .description('list prompts whose names begin with a prefix')
    .option('--json', 'print the list as JSON')
    .action((prefix: string | undefined, options: { json?: boolean }) =>
      showPrompts(context, prefix === undefined ? undefined : requirePrefix(prefix), options.json === true),
    );
  prompt
    .command('history <name>')
    .description('list the versions of a prompt, newest first, with what their authors said of them')
    .option('--json', 'print the list as JSON')
    .action((name: string, options: { json?: boolean }) =>
      showHistory(context, requirePromptName(name), options.json === true),
    );
}

async function push(context: Context, name: string, options: PushOptions): Promise<void> {
  const { out, io } = context;
  requirePromptName(name);
  const labels = (options.label ?? []).map(requireLabel);
  if ((options.message ?? '').length > 1000) throw new UsageError('--message: expected at most 1,000 characters');
  const file = options.file === '-' ? 'standard input' : options.file;
  const text = await readText(io, options.file);
  const { source, draft } = draftOf(text, options.message, file);
  out.talk(styled('✔', 'good'), ` read ${file}: ${describeVariables(source.vars)}`);
  const bulla = await context.connect();
  const trust = await bulla.trust();
  const unlisted = unlistedResponders(text, source, trust.entitiesOf('responder'));
  // guard: push-unlisted-responder
  if (unlisted.length > 0) throw new PromptFileError(unlisted, file);
  const named = [...(draft.acl?.invoke ?? []), ...(draft.acl?.read ?? [])];
  noteUnknownGroups(
    out,
    trust,
    named.filter((one) => one.startsWith('grp:')),
  );
  const pushed = await bulla.prompts.push(name, source.type, draft, labels, options).catch((error: unknown) => {
    throw isTooLarge(error) ? new PromptFileError(TOO_LARGE, file) : error;
  });
  const self = await context.beholder();
  const recipients = pushed.recipients.map((urn) => shortName(urn, self));
  const sealed =
    options.clear === true ? 'sent in the clear: the vault signed and sealed it' : 'sealed on this machine';
  if (pushed.changed)
    out.talk(
      styled('✔', 'good'),
      ` ${sealed} for ${counted(recipients.length, 'recipient')} (${recipients.join(', ')})`,
    );
  else out.talk(styled('✔', 'good'), ' unchanged: the newest version says the same');
  if (!pushed.changed && recipients.length > 0)
    out.talk(styled('✔', 'good'), ` sealed for ${recipients.length} more (${recipients.join(', ')})`);
  if (pushed.custody === 'managed')
    out.must('note: the policy has the vault manage this name: its operator can read this');
  const waiting = new Set(pushed.pending.map(({ label }) => label));
  if (waiting.size > 0) context.exitCode = EXIT.waits;
  const labelled = [...new Set([...pushed.labels, 'latest'])].filter((label) => !waiting.has(label));
  if (options.json === true) out.json({ ...pushed, labels: labelled });
  else
    out.line(
      `${name}  v${pushed.version}  sha256:${pushed.chash}  labels: ${labelled.join(', ')}${pushed.changed ? '' : '  (unchanged)'}`,
    );
  if (options.json === true) return;
  for (const { label, pending } of pushed.pending) if (pending !== undefined) out.line(...pendingLine(label, pending));
}

const TOO_LARGE = `the prompt is larger than ${STATEMENT_MAX_BYTES} bytes with all that is sealed beside it`;

function isTooLarge(error: unknown): boolean {
  return error instanceof BullaError && error.code === 'payload_too_large' && error.origin === 'client';
}

async function pull(context: Context, text: string, options: ChoiceOptions & { out?: string }): Promise<void> {
  const named = requireNamedVersion(text);
  const { name } = named;
  const choice = choiceOf(options, named);
  const bulla = await context.connect();
  // The one command that opens what was sealed before contents committed to their key: to be pushed again.
  const opened = await bulla.prompts.read(name, { ...choice, earlier: true });
  const file = fileOf(opened.statement);
  if (options.out === undefined) return context.out.text(file);
  await writeWhole(options.out, file);
  const { version, chash } = opened;
  if (context.asJson) return context.out.json({ name, version, chash, path: options.out });
  context.out.talk(styled('✔', 'good'), ` ${name} v${version} written to ${options.out}`);
}

async function remove(context: Context, name: string, options: { yes?: boolean; json?: boolean }): Promise<void> {
  requirePromptName(name);
  const bulla = await context.connect();
  await bulla.prompts.get(name);
  const question = `delete ${name} with all its versions?`;
  if (options.yes !== true && !(await context.asker.agrees(question, 'say so with --yes')))
    throw new UsageError('nothing was deleted');
  await bulla.prompts.delete(name);
  if (options.json === true) context.out.json({ name, deleted: true });
  else context.out.line(`${name}  deleted`);
}

/** Which version a command means: by the name, by --version, by --label, or the newest. */
export function choiceOf({ label, version }: ChoiceOptions, named: NamedVersion): { label?: string; version?: number } {
  if (label !== undefined && version !== undefined) throw new UsageError('--label and --version exclude each other');
  if (label === undefined && version === undefined) {
    if (named.version !== undefined) return { version: named.version };
    return named.label === undefined ? {} : { label: named.label };
  }
  if (named.version !== undefined || named.label !== undefined)
    throw new UsageError('what follows the @ says already which version: leave out --version and --label');
  if (version !== undefined) return { version: requireVersion(version) };
  return label === undefined ? {} : { label: requireLabel(label) };
}

/** How many variables there are, and which must be given. */
export function describeVariables(vars: Readonly<Record<string, { readonly default?: string | undefined }>>): string {
  const names = Object.entries(vars).map(([name, { default: initial }]) =>
    initial === undefined ? `${name} (required)` : `${name} (has a default)`,
  );
  return names.length === 0 ? 'no variables' : `${counted(names.length, 'variable')}: ${names.join(', ')}`;
}

/** Gathers an option that may be given several times. */
export function collect(value: string, all: readonly string[] = []): string[] {
  return [...all, value];
}
