import type { UnfitGrant } from '@bulla/contract';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { shortName } from '../../input/names.js';
import { NotThereError, UsageError } from '../../input/usage-error.js';
import { styled } from '../../output/output.js';

interface UnfitOptions {
  readonly clear?: string;
  readonly by?: string;
}

/** `bulla prompt unfit` */
export function addUnfitCommand(prompt: Command, context: Context): void {
  prompt
    .command('unfit')
    .description('list grants that did not give the key of their version, and who posted them')
    .option('--clear <hash>', 'let the poster of this one give that key that version again')
    .option('--by <urn>', 'of several who posted the same one, this one: with --clear')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Who holds the key of a version can seal it to others. The vault cannot open what they seal, so a wrong key comes to light
where it is opened: its recipient takes the grant back, says so, and somebody else can give it one that is right. Who
posted the wrong one can give that key that version no more until an admin clears it. It may have been a mistake of their
program, or on purpose: ask them first.

A grant is named by its hash, or by the first characters of it. An admin may clear it. If several people posted the same
one, each is listed, and --by says whom you mean.

Examples:
  $ bulla prompt unfit
  $ bulla prompt unfit --clear 5Jzgnujf`,
    )
    .action((options: UnfitOptions) => unfit(context, options));
}

async function unfit(context: Context, { clear, by: poster }: UnfitOptions): Promise<void> {
  if (poster !== undefined && clear === undefined) throw new UsageError('--by goes with --clear');
  const bulla = await context.connect();
  const all = await bulla.grants.unfit();
  if (clear !== undefined) {
    const one = requireOne(all, clear, poster);
    await bulla.grants.clearUnfit(one);
    return context.result(
      { cleared: one.whash, by: one.by },
      styled('✔', 'good'),
      ` ${one.by} can give that key that version again`,
    );
  }
  if (context.asJson) return context.out.json(all);
  if (all.length === 0) return context.out.line('none: every grant that was opened gave the key of its version');
  const self = await context.beholder();
  const names = new Map<string, string>();
  for await (const { id, name } of bulla.prompts.list()) names.set(id, name);
  for (const { whash, prompt, version, aud, by, again, reported_at } of all)
    context.out.line(
      `${whash.slice(0, 12)}  ${names.get(prompt) ?? prompt} v${version}  for ${shortName(aud, self)}  posted by ${by}  ${reported_at}  ${again ? 'it has another by now' : 'it has none: bulla prompt reseal'}`,
    );
}

/** The one that is meant. @throws {NotThereError} where there is none, or more than one */
export function requireOne(all: readonly UnfitGrant[], clear: string, by: string | undefined): UnfitGrant {
  const found = all.filter((one) => one.whash.startsWith(clear) && (by === undefined || one.by === by));
  const [one, ...others] = found;
  const listed = 'list them with `bulla prompt unfit`';
  if (one === undefined) throw new NotThereError('there is no such unfit grant', listed);
  if (others.some(({ whash }) => whash !== one.whash))
    throw new NotThereError('several unfit grants begin like this: give more of it', listed);
  if (others.length > 0) throw new NotThereError('several people posted this grant: say which one with --by', listed);
  return one;
}
