import { renewDevice } from '@bulla/client/node';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { adoptPublished, directoryKeyOption, directorySigner } from '../../signing/directory-key.js';
import { styled } from '../../output/output.js';

/** `bulla device renew` */
export function addRenewCommand(device: Command, context: Context): void {
  device
    .command('renew')
    .description('give this device new keys; its old ones only verify and open from then on')
    .addOption(directoryKeyOption())
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
It takes the key that signs the directory. A device without it is renewed by inviting it anew: its owner's person with
--user, a folder of its own, and a revocation of the old one when the new one is in.

Example:
  $ bulla device renew`,
    )
    .action((options: { directoryKey?: string }) => renew(context, options.directoryKey));
}

async function renew(context: Context, directoryKey: string | undefined): Promise<void> {
  const { out } = context;
  // An interrupted renewal leaves a key that signs no more: what is asked here is public.
  const bulla = await context.offline();
  const signer = await directorySigner(context, await bulla.refreshTrust(), directoryKey);
  const { before, after } = await renewDevice(context.identityFile, { bulla, signer, now: () => context.now() });
  const trust = await bulla.trust();
  await adoptPublished(context, trust);
  const device = (await context.identity()).urn;
  context.result(
    { device, before, after, directory_version: trust.directory.version },
    styled('✔', 'good'),
    ` this device signs with ${after}; before it was ${before}`,
  );
  out.talk(`directory version ${trust.directory.version}`);
}
