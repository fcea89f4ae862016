import type { Bulla, DeviceRequest, Terms } from '@bulla/client';
import { InvitationFile } from '@bulla/client/node';
import { mintId, urnOf } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import {
  requireAlone,
  requireDeviceLabel,
  requireGroups,
  requireRoles,
  requireUser,
} from '../../output/device-names.js';
import { adoptPublished, directoryKeyOption, directorySigner } from '../../signing/directory-key.js';
import { orProposal } from '../../signing/proposals.js';
import { noteUnknownGroups } from '../../input/groups.js';
import type { PeopleNames } from '../../output/people-names.js';
import { namePerson, personShown, readPeopleNames, requirePersonName } from '../../output/people-names.js';
import { styled } from '../../output/output.js';
import { NotThereError, UsageError } from '../../input/usage-error.js';
import { collect } from '../prompt/prompt.js';

interface ApproveOptions {
  readonly role?: readonly string[];
  readonly group?: readonly string[];
  readonly label?: string;
  readonly user?: string;
  readonly newPerson?: boolean;
  readonly name?: string;
  readonly directoryKey?: string;
}

/** `bulla device approve` and `refuse` */
export function addApprovalCommands(device: Command, context: Context): void {
  device
    .command('approve [id]')
    .description('let a device in, by signing the directory that lists it')
    .addOption(directoryKeyOption())
    .option('--role <role>', 'a role, where the invitation was not made here', collect)
    .option('--group <group>', 'a group, where the invitation was not made here', collect)
    .option('--user <person>', 'whose device it is, where the invitation was not made here')
    .option('--new-person', 'it is that of somebody new, where the invitation was not made here')
    .option('--name <name>', 'what you call that person; it is kept here and never sent')
    .option('--label <label>', 'what you call it, where the invitation was not made here')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
A device that was invited from here proves itself by the code; what it may do is in your own record. Of any other you
are asked for the eight words that its owner reads out, and you say yourself what it may do: the vault is not believed.
Without an id the one device that waits is meant.

Examples:
  $ bulla device approve
  $ bulla device approve enr_01m8846qn4f4rbrg78kdyan1yj --role invoker --new-person --label phone`,
    )
    .action((id: string | undefined, options: ApproveOptions) => approve(context, id, options));
  device
    .command('refuse <id>')
    .description('refuse a device; its invitation is spent')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ bulla device refuse enr_01m8846qn4f4rbrg78kdyan1yj')
    .action((id: string) => refuse(context, id));
}

async function approve(context: Context, id: string | undefined, options: ApproveOptions): Promise<void> {
  const { out, home } = context;
  const bulla = await context.connect();
  const records = new InvitationFile(home);
  const request = await findRequest(context, bulla, records, id);
  const trust = await bulla.trust();
  const signer = await directorySigner(context, trust, options.directoryKey);
  const name = options.name === undefined ? undefined : requirePersonName(options.name);
  const names = await readPeopleNames(home);
  show(context, request, names);
  const terms = request.proof === 'unknown' ? await termsOf(context, trust.org, options, names) : noTerms(options);
  if (terms !== undefined) noteUnknownGroups(out, trust, terms.groups);
  const urn = await orProposal(context, () => bulla.people.approve(request, { records, signer, terms }));
  if (urn === undefined) return;
  const now = await bulla.trust();
  await adoptPublished(context, now);
  const user = now.userOf(urn);
  if (name !== undefined && user !== undefined) await namePerson(home, user, name);
  const entity = now.entity(urn);
  const { roles, groups } = entity?.kind === 'device' ? entity : { roles: [], groups: [] };
  const document = {
    request: request.id,
    device: urn,
    user: user ?? null,
    name: name ?? null,
    roles,
    groups,
    directory_version: now.directory.version,
  };
  context.result(document, styled('✔', 'good'), ` in: ${urn}`);
  out.talk(`directory version ${now.directory.version}; it may begin at once`);
}

/** What an approver says of a device that they did not invite, and the words that its owner reads out. */
async function termsOf({ asker }: Context, org: string, options: ApproveOptions, names: PeopleNames): Promise<Terms> {
  const { label, user, newPerson = false } = options;
  if (options.role === undefined || label === undefined || (user !== undefined) === newPerson) {
    throw new UsageError(
      'the invitation was not made on this machine, so you say what the device may be: --role, --label, and --user or --new-person',
      'the vault could say anything; `bulla device approve --help` has an example',
    );
  }
  const [roles, groups] = [requireRoles(options.role), requireGroups(options.group)];
  requireAlone({ roles, groups, user });
  const terms = {
    roles,
    groups,
    user: user === undefined ? urnOf(org, 'user', mintId('usr')) : requireUser(org, user, names),
    label: requireDeviceLabel(label),
  };
  return { ...terms, words: await asker.line('the eight words that the device shows:') };
}

function noTerms({ role, group, user, newPerson, label }: ApproveOptions): undefined {
  if ([role, group, user, newPerson, label].every((option) => option === undefined)) return undefined;
  throw new UsageError(
    'what this device may be stands in your record of its invitation',
    'refuse it and invite it again to change that',
  );
}

async function findRequest(
  { out, asJson }: Context,
  bulla: Bulla,
  records: InvitationFile,
  id: string | undefined,
): Promise<DeviceRequest> {
  const waiting: DeviceRequest[] = [];
  for await (const request of bulla.people.requests(records)) waiting.push(request);
  const [only, ...others] = id === undefined ? waiting : waiting.filter((request) => request.id === id);
  if (only === undefined) {
    if (id === undefined) throw new NotThereError('no device waits', 'invite one: bulla device invite --help');
    const ids = waiting.map((request) => request.id).join(', ');
    throw new NotThereError('no such device waits', ids === '' ? 'none does' : `these do: ${ids}`);
  }
  if (others.length === 0) return only;
  const ids = waiting.map((request) => request.id);
  const several = new UsageError(
    `${waiting.length} devices wait: say which`,
    asJson ? `these do: ${ids.join(', ')}` : 'bulla device approve enr_…',
  );
  if (asJson) throw several;
  out.table([
    ['REQUEST', 'INVITED AS', 'SAYS', 'SINCE', 'FINGERPRINT'],
    ...waiting.map((request) => [
      request.id,
      request.record?.label ?? 'not from here',
      request.label,
      request.createdAt.slice(0, 16),
      request.fingerprint,
    ]),
  ]);
  throw several;
}

function show({ out }: Context, { id, fingerprint, record, label }: DeviceRequest, names: PeopleNames): void {
  out.talk(`request      ${id}, which calls itself "${label}"`);
  out.talk(`fingerprint  ${fingerprint}`);
  if (record === undefined) return;
  out.talk(
    `invited as   ${record.label}: ${record.roles.join(', ')}; groups ${record.groups.join(', ') || 'none'}; person ${personShown(record.user, names)}`,
  );
}

async function refuse(context: Context, id: string): Promise<void> {
  const bulla = await context.connect();
  const records = new InvitationFile(context.home);
  const request = await findRequest(context, bulla, records, id);
  await bulla.people.refuse(request, records);
  const { invitation } = request;
  const document = { request: id, invitation, refused: true };
  context.result(document, styled('✔', 'good'), ` refused: ${id}; its invitation is spent`);
}
