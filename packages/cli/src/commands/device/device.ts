import type { ListedDevice } from '@bulla/client';
import { InvitationFile } from '@bulla/client/node';
import { parseInvitationCode, timestampOf } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import {
  idOf,
  requireAlone,
  requireDeviceLabel,
  requireGroups,
  requireRoles,
  requireUser,
} from '../../output/device-names.js';
import { noteUnknownGroups } from '../../input/groups.js';
import { namePerson, personShown, readPeopleNames, requirePersonName } from '../../output/people-names.js';
import { UsageError } from '../../input/usage-error.js';
import { addApprovalCommands } from './device-approval.js';
import { addEnrolCommand } from './device-enrol.js';
import { addInvitationCommands } from './device-invitations.js';
import { addRenewCommand } from './device-renew.js';
import { addRevokeCommand } from './device-revoke.js';
import { collect } from '../prompt/prompt.js';

interface InviteOptions {
  readonly role?: readonly string[];
  readonly group?: readonly string[];
  readonly label: string;
  readonly user?: string;
  readonly name?: string;
  readonly expires: string;
}

const SECONDS = { m: 60, h: 3_600 } as const;
const DAY_SECONDS = 86_400;

const HELP = `
People come in by devices. Somebody who signs the directory invites one, hands the code over in private, and lets the
device in when it has shown up; a device that leaves is revoked. Each of that is the next version of the directory.

Examples:
  $ bulla device invite --role author --role invoker --group grp:authors --label laptop
  $ BULLA_HOME=~/.bulla-work bulla device enrol --wait          (on the other machine; it asks for the code)
  $ bulla device approve
  $ bulla device list
  $ bulla device revoke laptop --reason keyCompromise`;

/** `bulla device …` */
export function addDeviceCommands(program: Command, context: Context): void {
  const device = program
    .command('device')
    .description('people and their devices: who they are, and how they come in and leave')
    .addHelpText('after', HELP);
  device
    .command('list')
    .description('every device that the directory lists')
    .option('--json', 'print them as JSON')
    .action((options: { json?: boolean }) => list(context, options.json === true));
  device
    .command('invite')
    .description('print a code by which one device may ask to come in')
    .option('--role <role>', 'what it may be trusted with: owner, admin, author, invoker, auditor or renewer', collect)
    .option('--group <group>', 'a group it belongs to, such as grp:support', collect)
    .requiredOption('--label <label>', 'what you call the device; it stays out of signed documents')
    .option('--user <person>', 'a person who is here already, for a further device of theirs (default: a new person)')
    .option('--name <name>', 'what you call the person; it is kept here and never sent')
    .option('--expires <time>', 'how long the code can be used: minutes or hours, at most 24h', '24h')
    .option('--json', 'print the code and what it offers as JSON')
    .addHelpText(
      'after',
      `
The code is printed once. Hand it to one person, in private: until it is used, anyone who has it can ask to come in. What
the device will be allowed is kept in invitations.json in BULLA_HOME, and nothing that the vault says changes it.

A renewer is no person's device: it says which directory and which positions of labels are the newest, and does nothing
else. It enrols with --renewer, on another machine than the vault where that can be.

Examples:
  $ bulla device invite --role author --role invoker --group grp:authors --label laptop --name "Alice Moser"
  $ bulla device invite --role invoker --label phone --user usr_01m8846qn3ew2sbps4hd8t4589 --expires 30m
  $ bulla device invite --role renewer --label renewer`,
    )
    .action((options: InviteOptions) => invite(context, options));
  addInvitationCommands(device, context);
  addEnrolCommand(device, context);
  addApprovalCommands(device, context);
  addRevokeCommand(device, context);
  addRenewCommand(device, context);
}

async function list(context: Context, asJson: boolean): Promise<void> {
  const { out } = context;
  const bulla = await context.connect();
  const devices = await bulla.people.devices();
  const names = new Map((await new InvitationFile(context.home).list()).map(({ device, label }) => [device, label]));
  const self = (await context.identity()).urn;
  const people = await readPeopleNames(context.home);
  if (asJson) {
    const rows = devices.map(({ useUntil, ...device }) => ({
      ...device,
      use_until: timestampOf(useUntil),
      label: names.get(device.urn) ?? null,
      person: people.get(device.user) ?? null,
      this_device: device.urn === self,
    }));
    return out.json(rows);
  }
  const nameOf = ({ urn }: ListedDevice) => names.get(urn) ?? (urn === self ? 'this device' : '');
  out.table([
    ['', 'DEVICE', 'NAME', 'PERSON', 'ROLES', 'GROUPS', 'STATE', 'SIGNS UNTIL', 'KEY'],
    ...devices.map((device) => [
      device.urn === self ? '*' : '',
      idOf(device.urn),
      nameOf(device),
      personShown(device.user, people),
      device.roles.join(','),
      device.groups.join(','),
      device.state,
      timestampOf(device.useUntil).slice(0, 10),
      device.fingerprint,
    ]),
  ]);
}

async function invite(context: Context, options: InviteOptions): Promise<void> {
  const { out } = context;
  const { org } = await context.profile();
  const offer = {
    roles: requireRoles(options.role),
    groups: requireGroups(options.group),
    label: requireDeviceLabel(options.label),
    user: options.user === undefined ? undefined : requireUser(org, options.user, await readPeopleNames(context.home)),
    lifeSeconds: requireLife(options.expires),
  };
  requireAlone(offer);
  const name = options.name === undefined ? undefined : requirePersonName(options.name);
  if (name !== undefined && offer.roles.includes('renewer'))
    throw new UsageError('--name: a renewer is no person', 'what you call the device is --label');
  const bulla = await context.connect();
  noteUnknownGroups(out, await bulla.trust(), offer.groups);
  const records = new InvitationFile(context.home);
  const code = await bulla.people.invite(offer, records);
  const { id } = parseInvitationCode(code);
  const invited = (await records.list()).find((record) => record.id === id);
  if (invited !== undefined && name !== undefined) await namePerson(context.home, invited.user, name);
  const expires_at = timestampOf(invited?.expiresAt ?? context.now() + offer.lifeSeconds);
  const { roles, groups, label } = offer;
  context.result({ id, code, label, user: invited?.user ?? null, name: name ?? null, roles, groups, expires_at }, code);
  out.talk(`Hand this code over in private; it can be used once, until ${expires_at}.`);
  const isRenewer = offer.roles.includes('renewer');
  out.talk(`There:  bulla device enrol${isRenewer ? ' --renewer' : ''} --wait        Then here:  bulla device approve`);
}

/** Minutes or hours as seconds. @throws {UsageError} */
function requireLife(text: string): number {
  const [, count, unit] = /^([1-9][0-9]{0,3})([mh])$/.exec(text) ?? [];
  const seconds = count === undefined ? 0 : Number(count) * SECONDS[unit as keyof typeof SECONDS];
  if (seconds > 0 && seconds <= DAY_SECONDS) return seconds;
  throw new UsageError('--expires: expected minutes or hours, such as 30m, and at most 24h');
}
