import type { KeptBeyond } from '@bulla/client';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { handedAsJson, handedLine, refusedLines } from '../../output/handed-back.js';
import { styled } from '../../output/output.js';
import { UsageError } from '../../input/usage-error.js';

interface Options {
  readonly yes?: boolean;
}

/** `bulla trust hand-back` and `bulla trust resume` */
export function addRestoreCommands(trust: Command, context: Context): void {
  trust
    .command('hand-back')
    .description('hand back what a vault lost that was restored from a backup')
    .option('--yes', 'do not ask')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
A vault that was restored from a backup has lost what was published and moved since. This home remembers the documents
of the organisation and where labels stood, with the signatures that prove it: it shows what the vault lacks of that and
hands it back. Prompts that were lost keep their versions' numbers; what they said is gone, unless it is pushed again.

Every home that moved labels or signed documents since the backup does so; a renewer does it by itself in each round.

Example:
  $ bulla trust hand-back`,
    )
    .action((options: Options) => handBack(context, options));
  trust
    .command('resume')
    .description('let a vault go on that was restored from a backup; as an admin')
    .option('--yes', 'do not ask')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Until then the vault moves no label and takes no document but what is handed back. It ends what waited for approval:
nobody knows what became of it since the backup. What nobody has handed back by then is lost, and a home that remembers
it has to choose: bulla prompt adopt NAME@LABEL.

Example:
  $ bulla trust resume`,
    )
    .action((options: Options) => resume(context, options));
}

async function handBack(context: Context, options: Options): Promise<void> {
  const { out } = context;
  const bulla = await context.offline();
  const kept = await bulla.restored.kept();
  const lines = kept === undefined ? [] : linesOf(kept);
  if (lines.length === 0) {
    out.talk(
      styled('✔', 'good'),
      kept === undefined
        ? ' the vault was not restored, so it lacks nothing'
        : ' this home remembers nothing that the vault lacks',
    );
    if (context.asJson) out.json({ restored: kept !== undefined, ...handedAsJson() });
    return;
  }
  await agree(context, options, lines, 'Hand this back?', 'nothing was handed back');
  const handed = await bulla.restored.handBack();
  if (handed === undefined) throw new UsageError('nothing was handed back: an admin has let the vault go on');
  context.result({ restored: true, ...handedAsJson(handed) }, styled('✔', 'good'), ` ${handedLine(handed)}`);
  for (const line of refusedLines(handed)) out.talk(line);
}

async function resume(context: Context, options: Options): Promise<void> {
  const { out } = context;
  const bulla = await context.offline();
  const since = await bulla.restored.since();
  if (since === undefined) {
    out.talk(styled('✔', 'good'), ' the vault was not restored, or goes on already');
    if (context.asJson) out.json({ resumed: false, directory_version: null });
    return;
  }
  const kept = await bulla.restored.kept();
  if (kept !== undefined && kept.root.kept > kept.root.shown)
    throw new UsageError(
      `the vault has root version ${kept.root.shown}, and this home remembers ${kept.root.kept}`,
      'first: bulla trust hand-back',
    );
  if (kept !== undefined && kept.directory.kept > kept.directory.shown)
    throw new UsageError(
      `the vault has directory version ${kept.directory.shown}, and this home remembers ${kept.directory.kept}`,
      'first: bulla trust hand-back',
    );
  const { directory } = await bulla.catchUpTrust();
  const lines = [
    `restored: noticed at ${since}`,
    `the vault has directory version ${directory.version}, issued ${directory.issued}`,
    ...(kept === undefined ? [] : linesOf(kept)),
  ];
  const question = 'Has everybody who moved labels or signed documents since the backup handed them back?';
  await agree(context, options, lines, question, 'the vault still waits');
  await bulla.restored.resume(directory.version);
  context.result(
    { resumed: true, directory_version: directory.version },
    styled('✔', 'good'),
    ` the vault goes on from directory version ${directory.version}`,
  );
}

/** Shows what is decided, and asks, unless it was said with --yes. @throws {UsageError} */
async function agree(
  { asker, io, out }: Context,
  { yes }: Options,
  lines: readonly string[],
  question: string,
  refusal: string,
): Promise<void> {
  const isAsked = asker.isTerminal && io.stderr.isTTY === true && yes !== true;
  for (const line of lines)
    if (isAsked) out.must(line);
    else out.talk(line);
  if (yes === true) return;
  // guard: cli-restored-unseen
  if (!isAsked) throw new UsageError(`${refusal}: there is no terminal to ask at`, 'with what is shown: --yes');
  if (!(await asker.agrees(question))) throw new UsageError(refusal);
}

/** What is remembered beyond what the vault has. */
function linesOf({ root, directory: { shown, kept }, labels }: KeptBeyond): string[] {
  return [
    ...(root.kept > root.shown ? [`root version ${root.kept} is remembered; the vault has version ${root.shown}`] : []),
    ...(kept > shown ? [`directory version ${kept} is remembered; the vault has version ${shown}`] : []),
    ...labels.map(({ name, label, seq, shown: at }) => {
      const there = at === undefined ? 'the vault shows none' : `the vault shows move ${at}`;
      return `${name}@${label}  move ${seq} is remembered; ${there}`;
    }),
  ];
}
