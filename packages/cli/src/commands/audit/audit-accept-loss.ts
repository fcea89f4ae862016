import type { FoundLoss } from '@bulla/client';
import { acceptLossesUnder } from '@bulla/client';
import { AuditFolder } from '@bulla/client/node';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { pinFor } from '../../input/pins.js';
import { UsageError } from '../../input/usage-error.js';
import { lossLine } from '../../output/audit-verdict.js';
import { styled } from '../../output/output.js';
import { verifyFolder } from './audit-source.js';

interface AcceptOptions {
  readonly pin?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** `bulla audit accept-loss` */
export function addAcceptLossCommand(audit: Command, context: Context): void {
  audit
    .command('accept-loss [folder]')
    .description('say that you know what of the logs is gone, so that verifying ends well again')
    .option('--pin <sha256:…>', "the pin of the organisation's root, for a folder (default: the profile's)")
    .option('--yes', 'do not ask')
    .option('--json', 'print what was accepted as JSON')
    .addHelpText(
      'after',
      `
\`bulla audit verify\` ends with 10 if entries that were signed are gone, if entries came after a newer log began, if an ended
log is shown as another one than was seen, or if rows were set aside. This command shows each of them and asks. What you
accept is kept on this machine, and shown in each later verdict with the date. A greater loss has to be accepted again.
It accepts nothing of a log that is broken otherwise.

Examples:
  $ bulla audit accept-loss
  $ bulla audit accept-loss audit-2026-11`,
    )
    .action((folder: string | undefined, options: AcceptOptions) => acceptLoss(context, folder, options));
}

function countedLosses({ length }: readonly FoundLoss[]): string {
  return length === 1 ? '1 loss' : `${length} losses`;
}

interface LossesToAccept {
  readonly losses: readonly FoundLoss[];
  readonly accept: () => Promise<void>;
}

async function acceptLoss(context: Context, folder: string | undefined, { pin, yes }: AcceptOptions): Promise<void> {
  const found = folder === undefined ? await liveLosses(context, pin) : await folderLosses(context, folder, pin);
  const losses = found.losses.filter(({ acceptedAt }) => acceptedAt === undefined);
  if (losses.length === 0) return context.result({ accepted: [] }, styled('✔', 'good'), ' nothing is gone');
  for (const loss of losses) context.out.talk(`– ${lossLine(loss)}`);
  const question = `accept ${countedLosses(losses)}?`;
  if (yes !== true && !(await context.asker.agrees(question, 'say so with --yes')))
    throw new UsageError('nothing was accepted');
  await found.accept();
  const accepted = losses.map(({ kind, origin, message }) => ({ kind, origin, message }));
  context.result({ accepted }, styled('✔', 'good'), ` accepted ${countedLosses(losses)}`);
}

async function liveLosses(context: Context, pin: string | undefined): Promise<LossesToAccept> {
  if (pin !== undefined) throw new UsageError('--pin is for a folder', 'a profile has its own pin');
  const bulla = await context.connect();
  const { logs } = await context.out.during('verifying the logs', bulla.audit.verify());
  const losses = logs.flatMap((log) => log.losses);
  return { losses, accept: () => bulla.audit.acceptLosses(losses) };
}

async function folderLosses(context: Context, path: string, given: string | undefined): Promise<LossesToAccept> {
  const { pin, store } = await pinFor(context, given, 'bulla audit accept-loss FOLDER --pin sha256:…');
  if (store === undefined)
    throw new UsageError('no profile here has this pin', 'what is accepted is kept with what a profile remembers');
  const verdict = await context.out.during('verifying the logs', verifyFolder(context, new AuditFolder(path), given));
  const losses = verdict.logs.flatMap((log) => log.losses);
  return { losses, accept: () => acceptLossesUnder(store, { org: verdict.org, pin, now: context.now() }, losses) };
}
