import type { OpenedVersion, Prompts, VersionChoice } from '@bulla/client';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { comparisonScreen } from '../../output/move-screen.js';
import { requireLabel, requirePromptName, requireVersion } from '../../input/names.js';
import { describeVersion, showScreen } from '../signing.js';

interface DiffOptions {
  readonly full?: boolean;
  readonly json?: boolean;
}

/** `bulla prompt diff` */
export function addDiffCommand(prompt: Command, context: Context): void {
  prompt
    .command('diff')
    .argument('<name>', 'the prompt')
    .argument('<from>', 'a version, such as 3 or v3, or a label')
    .argument('[to]', 'the other one', 'latest')
    .description('open two versions, and show what differs between them')
    .option('--full', 'show all of the text, not only what changed')
    .option('--json', 'print both versions as JSON')
    .addHelpText(
      'after',
      `
Both are opened on this machine. It shows what \`bulla prompt promote\` and \`bulla approve yes\` show before they sign.

Examples:
  $ bulla prompt diff claims/triage production       (what a promotion of the newest would change)
  $ bulla prompt diff claims/triage v1 v3`,
    )
    .action((name: string, from: string, to: string, options: DiffOptions) => diff(context, name, from, to, options));
}

async function diff(context: Context, name: string, from: string, to: string, options: DiffOptions): Promise<void> {
  const { out } = context;
  requirePromptName(name);
  const [one, other] = [choiceOf(from), choiceOf(to)];
  const { prompts } = await context.connect();
  const before = await open(prompts, name, one);
  const after = await open(prompts, name, other);
  if (options.json === true) return out.json({ name, from: describeVersion(before), to: describeVersion(after) });
  const self = await context.beholder();
  const screen = comparisonScreen(name, before, after, { self, whole: options.full === true });
  showScreen(screen, (...parts) => out.line(...parts));
}

function open(prompts: Prompts, name: string, choice: VersionChoice): Promise<OpenedVersion> {
  return prompts.read(name, choice);
}

/** A version by its number, or the one that a label names. */
function choiceOf(text: string): VersionChoice {
  return /^v?[0-9]+$/.test(text) ? { version: requireVersion(text) } : { label: requireLabel(text) };
}
