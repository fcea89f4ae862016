import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { shortName } from '../../input/names.js';
import { NotThereError } from '../../input/usage-error.js';
import { styled } from '../../output/output.js';

interface UnfitOptions {
  readonly clear?: string;
}

/** `bulla prompt unfit` */
export function addUnfitCommand(prompt: Command, context: Context): void {
  prompt
    .command('unfit')
    .description('list grants that did not give the key of their version, and who posted them')
    .option('--clear <hash>', 'let the poster of this one give that key that version again')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Who holds the key of a version can seal it to others. The vault cannot open what they seal, so a wrong key comes to light
where it is opened: its recipient takes the grant back, says so, and somebody else can give it one that is right. Who
posted the wrong one can give that key that version no more until an admin clears it. It may have been a mistake of their
program, or on purpose: ask them first.

A grant is named by its hash, or by the first characters of it. An admin may clear it.

Examples:
  $ bulla prompt unfit
  $ bulla prompt unfit --clear 5Jzgnujf`,
    )
    .action((options: UnfitOptions) => unfit(context, options));
}

async function unfit(context: Context, { clear }: UnfitOptions): Promise<void> {
  const bulla = await context.connect();
  const all = await bulla.grants.unfit();
  if (clear !== undefined) {
    const [one, ...others] = all.filter(({ whash }) => whash.startsWith(clear));
    if (one === undefined || others.length > 0)
      throw new NotThereError(
        one === undefined ? 'there is no such unfit grant' : 'several unfit grants begin like this: give more of it',
        'list them with `bulla prompt unfit`',
      );
    await bulla.grants.clearUnfit(one.whash);
    return context.result(
      { cleared: one.whash },
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
