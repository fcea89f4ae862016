import type { Bulla, InvitationRecord, ListedInvitation } from '@bulla/client';
import { BullaError } from '@bulla/client';
import { InvitationFile } from '@bulla/client/node';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { styled } from '../../output/output.js';
import { personShown, readPeopleNames } from '../../output/people-names.js';
import { NotThereError, UsageError } from '../../input/usage-error.js';

/** `bulla device invitations …` */
export function addInvitationCommands(device: Command, context: Context): void {
  const invitations = device
    .command('invitations')
    .description('codes that were handed out: which can still be used, and taking one back')
    .addHelpText(
      'after',
      `
The list is the vault's. What a device may do is in your own record of an invitation that was made here, and nothing
that the vault says changes it.

Examples:
  $ bulla device invitations list
  $ bulla device invitations revoke phone
  $ bulla device invitations revoke ivt_01m8846qn4f4rbrg78kdyan1yj`,
    );
  invitations
    .command('list')
    .description('every invitation that the vault keeps, the newest first')
    .option('--json', 'print them as JSON')
    .action((options: { json?: boolean }) => list(context, options.json === true));
  invitations
    .command('revoke <invitation>')
    .description('take back an invitation that no device has taken, by its id or its label')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ bulla device invitations revoke phone')
    .action((text: string) => revoke(context, text));
}

async function list(context: Context, asJson: boolean): Promise<void> {
  const { out, home } = context;
  const bulla = await context.connect();
  const records = await new InvitationFile(home).list();
  const names = await readPeopleNames(home);
  const rows = (await allOf(bulla)).map((sent) => ({ ...sent, own: records.find(({ id }) => id === sent.id) }));
  if (asJson) {
    out.json(rows.map(({ own, ...sent }) => ({ ...sent, ...wordsOf(sent, own), from_here: own !== undefined })));
    return;
  }
  if (rows.length === 0) return out.talk('no invitation is open: bulla device invite --help');
  out.table([
    ['INVITATION', 'LABEL', 'PERSON', 'ROLES', 'GROUPS', 'STATE', 'UNTIL', 'MADE'],
    ...rows.map(({ own, ...sent }) => {
      const { label, user, roles, groups } = wordsOf(sent, own);
      const made = own === undefined ? 'elsewhere' : 'here';
      const until = sent.expires_at.slice(0, 16);
      return [sent.id, label, personShown(user, names), roles.join(','), groups.join(','), sent.state, until, made];
    }),
  ]);
}

/** What is offered: by one's own record where there is one, else by the vault's word. */
function wordsOf(sent: ListedInvitation, own: InvitationRecord | undefined) {
  const { label, user, roles, groups } = own ?? sent;
  return { label, user, roles, groups };
}

async function revoke(context: Context, text: string): Promise<void> {
  const bulla = await context.connect();
  const records = new InvitationFile(context.home);
  const id = findInvitation(text, await allOf(bulla), await records.list());
  try {
    await bulla.people.takeBack(id, records);
  } catch (error) {
    if (!(error instanceof BullaError) || error.code !== 'version_conflict') throw error;
    throw new UsageError(
      'a device has taken this invitation: it cannot be taken back',
      'refuse the device, `bulla device approve` lists those that wait: bulla device refuse enr_…; one that is in: bulla device revoke',
    );
  }
  context.result({ id, taken_back: true }, styled('✔', 'good'), ` taken back: ${id}; nobody comes in by its code`);
}

async function allOf({ people }: Bulla): Promise<ListedInvitation[]> {
  const all: ListedInvitation[] = [];
  for await (const invitation of people.invitations()) all.push(invitation);
  return all;
}

/** @throws {NotThereError} if there is none; {UsageError} if several are called that */
function findInvitation(
  text: string,
  listed: readonly ListedInvitation[],
  records: readonly InvitationRecord[],
): string {
  const called = new Map(listed.map(({ id, label }) => [id, label]));
  // One's own word goes before the vault's; an invitation that the vault does not show can be taken back here.
  for (const { id, label, secret } of records) if (called.has(id) || secret !== undefined) called.set(id, label);
  const found = [...called].filter(([id, label]) => id === text || label === text).map(([id]) => id);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const hint = '`bulla device invitations list` shows every invitation with its id';
  if (only === undefined) throw new NotThereError('there is no such invitation', hint);
  throw new UsageError(`${found.length} invitations are called that: ${found.join(', ')}`, hint);
}
