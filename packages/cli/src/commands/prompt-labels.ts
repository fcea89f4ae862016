import type { LabelOutcome } from '@bulla/client';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { requireLabel, requirePromptName, requireVersion } from '../names.js';
import type { Part } from '../output.js';
import { styled } from '../output.js';
import { UsageError } from '../usage-error.js';

interface LabelOptions {
  readonly delete?: boolean;
  readonly json?: boolean;
}

/** `bulla prompt promote|rollback|label` */
export function addLabelCommands(prompt: Command, context: Context): void {
  prompt
    .command('promote <name> <version>')
    .description('point a label to a version; a protected one waits for further people')
    .requiredOption('--to <label>', 'the label, such as production')
    .option('--json', 'print the result as JSON')
    .action((name: string, version: string, options: { to: string; json?: boolean }) =>
      label(context, name, options.to, version, options),
    );
  prompt
    .command('rollback <name>')
    .description('point a label to the version that it pointed to before')
    .option('--label <label>', 'the label', 'production')
    .option('--json', 'print the result as JSON')
    .action((name: string, options: { label: string; json?: boolean }) => rollback(context, name, options));
  prompt
    .command('label <name> <label> [version]')
    .description('point a label to a version, or remove it')
    .option('--delete', 'remove the label')
    .option('--json', 'print the result as JSON')
    .action((name: string, of: string, version: string | undefined, options: LabelOptions) =>
      label(context, name, of, version, options),
    );
}

async function label(
  context: Context,
  name: string,
  of: string,
  version: string | undefined,
  options: LabelOptions,
): Promise<void> {
  requirePromptName(name);
  requireLabel(of);
  if ((version === undefined) === (options.delete !== true)) {
    throw new UsageError(
      'say which version the label shall point to, or --delete',
      'bulla prompt label claims/triage production 4',
    );
  }
  const wanted = version === undefined ? undefined : requireVersion(version);
  const { prompts } = await context.connect();
  const outcome = await (wanted === undefined ? prompts.deleteLabel(name, of) : prompts.moveLabel(name, of, wanted));
  sayOutcome(context, name, of, outcome, options.json === true);
}

async function rollback(context: Context, name: string, options: { label: string; json?: boolean }): Promise<void> {
  requirePromptName(name);
  requireLabel(options.label);
  const outcome = await (await context.connect()).prompts.rollback(name, options.label);
  sayOutcome(context, name, options.label, outcome, options.json === true);
}

/** What came of moving a label. */
export function sayOutcome({ out }: Context, name: string, of: string, outcome: LabelOutcome, asJson: boolean): void {
  if (asJson) return out.json({ name, label: of, ...outcome });
  if (outcome.pending !== undefined) return out.line(...pendingLine(of, outcome.pending));
  if (outcome.version === 0) return out.line(`${name}  label ${of} removed`);
  out.line(`${name}  ${of} → v${outcome.version}  (move ${outcome.seq})`);
}

/** Who is still to sign, for whoever did. */
export function pendingLine(of: string, { approval, given, needed }: NonNullable<LabelOutcome['pending']>): Part[] {
  const others = given > 1 ? ` and ${given - 1} more` : '';
  return [
    styled('⏸', 'strong'),
    ` label "${of}" is protected: ${given} of ${needed} approvals (you${others}). Ask someone to run: bulla approve yes ${approval}`,
  ];
}
