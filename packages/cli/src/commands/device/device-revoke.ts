import type { Bulla, OpenedVersion, RevocationPlan, RevocationReason, WrittenVersion } from '@bulla/client';
import { InvitationFile } from '@bulla/client/node';
import { timestampOf } from '@bulla/crypto';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { Context } from '../../context.js';
import { findDevice, idOf } from '../../output/device-names.js';
import { orProposal } from '../../signing/proposals.js';
import { adoptPublished, directoryKeyOption, directorySigner } from '../../signing/directory-key.js';
import { keptLines } from '../../output/kept-text.js';
import { requireNamedVersion } from '../../input/names.js';
import type { Part } from '../../output/output.js';
import { counted, styled } from '../../output/output.js';
import type { PeopleNames } from '../../output/people-names.js';
import { personShown, readPeopleNames } from '../../output/people-names.js';
import { UsageError } from '../../input/usage-error.js';
import { collect } from '../prompt/prompt.js';

interface RevokeOptions {
  readonly reason: RevocationReason;
  readonly keep?: readonly string[];
  readonly yes?: boolean;
  readonly directoryKey?: string;
}

const REASONS: readonly RevocationReason[] = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
];

/** `bulla device revoke` */
export function addRevokeCommand(device: Command, context: Context): void {
  device
    .command('revoke <device>')
    .description('revoke a device: nothing it signs counts any more')
    .addOption(new Option('--reason <reason>', 'as RFC 5280 names them').choices(REASONS).default('unspecified'))
    .option('--keep <name@version>', 'show this text that it wrote, and keep it if you say so', collect)
    .option('--yes', 'do not ask before it is signed')
    .option('--json', 'print the result as JSON')
    .addOption(directoryKeyOption())
    .addHelpText(
      'after',
      `
What the device wrote counts no more either, but for what the organisation goes on trusting: texts that a label names
which another person signed stay by themselves; any other only if you read it here and answer for it (--keep). So
nothing can be slipped in that a thief wrote with the device today. What was read stays read.

A renewer is stopped before it is revoked: else it goes on to bring words that nobody takes, and says so every minute.
Revoke one that is not at work any more only when another one is, or nothing is called the newest.

Examples:
  $ bulla device revoke laptop --reason keyCompromise
  $ bulla device revoke dev_01m8846qn4f4rbrg78kdyan1yj --keep claims/triage@3`,
    )
    .action((name: string, options: RevokeOptions) => revoke(context, name, options));
}

async function revoke(context: Context, name: string, options: RevokeOptions): Promise<void> {
  const { out, asker, home } = context;
  const wanted = (options.keep ?? []).map(requireWritten);
  const bulla = await context.connect();
  const trust = await bulla.trust();
  const signer = await directorySigner(context, trust, options.directoryKey);
  const device = findDevice(name, await bulla.people.devices(), await new InvitationFile(home).list());
  const plan = await bulla.people.planRevocation(device.urn);
  show(context, plan, await readPeopleNames(home));
  const read: OpenedVersion[] = [];
  for (const version of wanted) read.push(...(await readToKeep(context, bulla, plan, version)));
  const kept = plan.vouched.length + read.length;
  const question = `revoke ${idOf(device.urn)} and keep ${kept} of its texts?`;
  if (options.yes !== true && !(await asker.agrees(question, 'say so with --yes')))
    throw new UsageError('nothing was signed');
  const { reason } = options;
  const after = await orProposal(context, () => bulla.people.revoke(plan, { signer, reason, read }));
  if (after === undefined) return;
  await adoptPublished(context, after);
  const longest = Math.max(trust.freshSeconds, after.freshSeconds);
  const until = timestampOf(context.now() + longest);
  const isKept = ({ name: of, version }: WrittenVersion) =>
    read.some((one) => one.statement.name === of && one.version === version);
  const document = {
    device: device.urn,
    reason: options.reason,
    kept: [...plan.vouched, ...plan.unvouched.filter(isKept)].map(namedText),
    lost: plan.unvouched.filter((text) => !isKept(text)).map(namedText),
    labels_to_sign: [...plan.loneLabels, ...plan.shortLabels],
    readable: plan.readable.map(namedText),
    readable_now: plan.readableNow,
    directory_version: after.directory.version,
    known_everywhere_by: until,
  };
  context.result(document, styled('✔', 'good'), ` revoked: ${device.urn}; ${kept} of its texts kept`);
  out.talk(
    `directory version ${after.directory.version}; every service that sees it refuses the device within a minute`,
  );
  out.talk(
    `somebody from whom the vault keeps it goes by the one before until ${until} at the latest, once every renewer has called it the newest (bulla doctor names one that has not)`,
  );
}

function namedText({ name, version, chash }: WrittenVersion): object {
  return { name, version, chash };
}

function requireWritten(text: string): { readonly name: string; readonly version: number } {
  const { name, version } = requireNamedVersion(text);
  if (version === undefined) throw new UsageError('--keep: expected name@version, such as claims/triage@3');
  return { name, version };
}

function show(
  { out }: Context,
  { device, user, vouched, unvouched, loneLabels, shortLabels, readable, readableNow }: RevocationPlan,
  names: PeopleNames,
): void {
  out.talk(`device   ${device}, of ${personShown(user, names)}`);
  const texts = (count: number, more = '') => `${counted(count, 'text')}${more} ${count === 1 ? 'is' : 'are'}`;
  const prompts = Map.groupBy(readable, ({ name }) => name);
  if (readable.length > 0)
    out.talk(
      `read     ${texts(readable.length)} open to it, of ${counted(prompts.size, 'prompt')}, whether it read them or not`,
    );
  for (const [name, versions] of prompts)
    out.talk(`           ${name} ${versions.map(({ version }) => `@${version}`).join(' ')}`);
  if (readableNow.length > 0) {
    const count = counted(readableNow.length, 'prompt');
    out.talk(
      `           the next version of each has a data key that this device never gets: ${count} to push where that matters`,
    );
    out.talk(`           bulla prompt push NAME -f FILE --new-key   (${readableNow.join(', ')})`);
  }
  out.talk(`kept     ${texts(vouched.length, ' it wrote')} named by labels that others signed`);
  out.talk(`lost     ${texts(unvouched.length)} named by nobody else`);
  for (const { name, version, chash } of unvouched) out.talk(`           ${name}@${version}  sha256:${chash}`);
  if (unvouched.length > 0) out.talk('           read one and keep it with --keep name@version');
  for (const { name, label } of loneLabels)
    out.talk(
      `label    ${label} of ${name} was signed by this person alone: move it yourself first, or another author pushes again`,
    );
  for (const { name, label } of shortLabels)
    out.talk(
      `label    ${label} of ${name} has too few signatures without this person: sign it again, and another with you`,
    );
}

/** Shows a text and asks. What is kept is the content that was shown, and no other of the same number. */
async function readToKeep(
  { out, asker, asJson }: Context,
  bulla: Bulla,
  { device }: RevocationPlan,
  { name, version }: Pick<WrittenVersion, 'name' | 'version'>,
): Promise<OpenedVersion[]> {
  const opened = await bulla.people.readForKeeping(device, name, version);
  // A person reads it either way; a program wants its document alone on standard output.
  const print = (...parts: Part[]) => (asJson ? out.must(...parts) : out.line(...parts));
  print(styled(`${name}@${version}  sha256:${opened.chash}`, 'strong'));
  for (const line of keptLines(opened.statement)) print(line);
  return (await asker.agrees('keep this text?')) ? [opened] : [];
}
