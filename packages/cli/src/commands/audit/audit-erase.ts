import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { UsageError } from '../../input/usage-error.js';
import { groupedCount } from '../../output/audit-verdict.js';
import { counted, styled } from '../../output/output.js';
import { choiceOf } from './audit-list.js';
import { auditSource } from './audit-source.js';

interface EraseOptions {
  readonly actor: string;
  readonly until?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** `bulla audit erase` */
export function addEraseCommand(audit: Command, context: Context): void {
  audit
    .command('erase')
    .description('erase the requests that somebody signed, which are kept beside the entries; the entries stay')
    .requiredOption('--actor <who>', 'whose: a device, a person as they are called here, or a key')
    .option('--until <time>', 'only of entries before this moment: 30m, 24h or 7d ago, or a date (default: all)')
    .option('--yes', 'do not ask')
    .option('--json', 'print what was erased as JSON')
    .addHelpText(
      'after',
      `
For owners. Entries have no names. What they have of a person is the thumbprint of a device's key, which the directory
tells whose it is. Beside an entry the service keeps the request that the device signed: its path, its query and its time.
This erases these requests in the logs of the vault and of every responder. Each log says that it was done, by whom, and of
how many entries. It goes on to verify, and \`bulla audit verify\` says of how many entries nothing shows any more that the
device asked. It cannot be taken back. Exports and backups keep what they have.

Examples:
  $ bulla audit erase --actor dev_01m8hc87n0fxfr43jmrk5n2y2g
  $ bulla audit erase --actor bob --until 2026-11-01`,
    )
    .action((options: EraseOptions) => erase(context, options));
}

async function erase(context: Context, { actor, until: before, yes }: EraseOptions): Promise<void> {
  const source = await auditSource(context, {});
  const { actors = [], until } = await choiceOf(context, source, {
    actor,
    ...(before !== undefined && { until: before }),
  });
  const question = `what shows that ${counted(actors.length, 'key')} of ${actor} asked is gone for good; erase it?`;
  if (yes !== true && !(await context.asker.agrees(question, 'say so with --yes')))
    throw new UsageError('nothing was erased');
  const bulla = await context.connect();
  const entries = await context.out.during('erasing', bulla.audit.erase({ actors, until }));
  const of = entries === 1 ? '1 entry' : `${groupedCount(entries)} entries`;
  context.result({ actors, entries }, styled('✔', 'good'), ` erased what showed who asked, of ${of}`);
}
