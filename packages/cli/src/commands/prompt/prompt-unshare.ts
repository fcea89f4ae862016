import { InvitationFile } from '@bulla/client/node';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { requireNameAndVersion, requireVersion, shortName } from '../../input/names.js';
import { findDevice } from '../../output/device-names.js';
import { counted, styled } from '../../output/output.js';

interface UnshareOptions {
  readonly from: string;
  readonly version?: string;
}

/** `bulla prompt unshare` */
export function addUnshareCommand(prompt: Command, context: Context): void {
  prompt
    .command('unshare')
    .argument('<name>', 'the prompt, with @3 or @v3 behind it for that version alone')
    .description('have the vault forget the grants by which a device reads a prompt')
    .requiredOption('--from <device>', 'the device, by its id or by what it was called when it was let in')
    .option('--version <n>', 'this version (default: every one)')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
The vault hands the device these versions no more; what it read stays read. A device whose groups may read the name gets
the next version all the same, and these again from \`bulla prompt reseal\`: take it out of the groups first, or name
other readers in the prompt file.

An admin may do it, and for one version its author, or the person who shared it. \`bulla doctor\` lists who reads what.

Examples:
  $ bulla prompt unshare claims/triage --from laptop
  $ bulla prompt unshare claims/triage@3 --from dev_01m8846qn4f4rbrg78kdyan1yj`,
    )
    .action((text: string, options: UnshareOptions) => unshare(context, text, options));
}

async function unshare(context: Context, text: string, { from, version: given }: UnshareOptions): Promise<void> {
  const { out, home } = context;
  const { name, version } = requireNameAndVersion(
    text,
    given === undefined ? undefined : String(requireVersion(given)),
  );
  const bulla = await context.connect();
  const device = findDevice(from, await bulla.people.devices(), await new InvitationFile(home).list());
  const { versions, mayRead } = await bulla.grants.unshare(name, device.urn, version);
  const whom = shortName(device.urn, await context.beholder());
  const document = { name, device: device.urn, versions, may_read: mayRead };
  if (versions.length === 0) context.result(document, `nothing to forget: the vault has no such grant for ${whom}`);
  else
    context.result(
      document,
      styled('✔', 'good'),
      ` ${counted(versions.length, 'version')} of ${name} not handed to ${whom} any more: ${versions.map((one) => `v${one}`).join(', ')}`,
    );
  if (mayRead) out.talk(`its groups may read ${name}: the next version is sealed to it, and a reseal gives these back`);
  else if (versions.length > 0) out.talk('what it read stays read');
}
