import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { UsageError } from '../../input/usage-error.js';
import { counted, styled } from '../../output/output.js';

interface SetAsideOptions {
  readonly yes?: boolean;
  readonly json?: boolean;
}

const QUESTION = 'rows that no process of a service could check for five minutes come into no log; set them aside?';

/** `bulla audit set-aside` */
export function addSetAsideCommand(audit: Command, context: Context): void {
  audit
    .command('set-aside')
    .description('take rows out of the way that wait for an audit log and that nobody can check; a log says which')
    .option('--yes', 'do not ask')
    .option('--json', 'print what was set aside as JSON')
    .addHelpText(
      'after',
      `
For owners, when a service says audit-row-unknown. A service authenticates each row that waits for its audit log with a secret
of its key file. A row of a secret that no process of the service has cannot be checked: somebody changed the database, or a
key file went back to an older state. Look at the key files first: a process that gets the secret back takes the rows into
the log by itself. Rows that are set aside come into no log. They stay in the table audit_set_aside, and the log has the
hash of each. From then on \`bulla audit verify\` ends with 10 until a person accepts that.

Examples:
  $ bulla audit set-aside`,
    )
    .action((options: SetAsideOptions) => setAside(context, options));
}

async function setAside(context: Context, { yes }: SetAsideOptions): Promise<void> {
  if (yes !== true && !(await context.asker.agrees(QUESTION, 'say so with --yes')))
    throw new UsageError('nothing was set aside');
  const bulla = await context.connect();
  const services = await context.out.during('setting aside', bulla.audit.setAside());
  const items = services.reduce((sum, one) => sum + one.items, 0);
  context.result({ items, services }, styled('✔', 'good'), ` set ${counted(items, 'row')} aside`);
}
