import { setTimeout as pause } from 'node:timers/promises';
import type { EnrolmentOutcome, PendingEnrolment } from '@bulla/client';
import { BullaError, Enrolment, prepareEnrolment } from '@bulla/client';
import {
  dropEnrolment,
  FileTrustStore,
  finishEnrolment,
  readEnrolment,
  requireUnused,
  writeEnrolment,
} from '@bulla/client/node';
import type { InvitationCode } from '@bulla/crypto';
import { parseInvitationCode } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { requireDeviceLabel } from '../device-names.js';
import { readText } from '../files.js';
import { styled } from '../output.js';
import { UsageError } from '../usage-error.js';

interface EnrolOptions {
  readonly code?: string;
  readonly label: string;
  readonly renewer?: boolean;
  readonly wait?: boolean;
}

const POLL_MS = 2_000;

/** `bulla device enrol` */
export function addEnrolCommand(device: Command, context: Context): void {
  device
    .command('enrol')
    .description('ask to come in with this machine, by the code of an invitation')
    .option('--code <file>', 'the file that holds the code (default: it is asked for, or read from standard input)')
    .option('--label <label>', 'what whoever approves will see', 'device')
    .option('--renewer', 'come in as a renewer, which was invited as one: with keys that say what is the newest')
    .option('--wait', 'wait until the device is let in')
    .addHelpText(
      'after',
      `
Keys are made here and never leave this machine. The eight words stand for them: whoever approves without having
invited asks you for the words, so read them out over another way than this network. Called again, it goes on with the
same keys where it was interrupted, and finishes when the device was let in.

Examples:
  $ bulla device enrol --wait
  $ BULLA_HOME=/tmp/second bulla device enrol --code code.txt --label phone
  $ BULLA_HOME=/var/lib/bulla-renew bulla device enrol --renewer --wait`,
    )
    .action((options: EnrolOptions) => enrol(context, options));
}

async function enrol(context: Context, options: EnrolOptions): Promise<void> {
  const { home, io, out } = context;
  const settings = { store: new FileTrustStore(home), fetch: io.fetch };
  const pending = (await readEnrolment(home)) ?? (await begin(context, options, settings));
  const enrolment = new Enrolment(pending, settings);
  let outcome = await enrolment.proceed();
  if (outcome.state === 'pending') {
    out.line(`fingerprint  ${await enrolment.fingerprint()}`);
    out.line(`words        ${(await enrolment.words()).join(' ')}`);
    out.talk('Ask whoever invited you to run: bulla device approve');
  }
  while (outcome.state === 'pending' && options.wait === true) {
    await pause(POLL_MS, undefined, { signal: io.signal });
    outcome = await enrolment.check();
  }
  await conclude(context, pending, outcome);
}

async function begin(
  context: Context,
  options: EnrolOptions,
  settings: { readonly store: FileTrustStore; readonly fetch: typeof fetch },
): Promise<PendingEnrolment> {
  const { home, io, asker } = context;
  await requireUnused(home);
  const label = requireDeviceLabel(options.label);
  const text =
    options.code === undefined
      ? await asker.hidden('code of the invitation:', 'give it on standard input, or by --code FILE')
      : await readText(io, options.code);
  const as = options.renewer === true ? 'renewer' : 'device';
  const pending = await prepareEnrolment(requireCode(text), label, { ...settings, as });
  await writeEnrolment(home, pending);
  return pending;
}

/** @throws {UsageError} which repeats nothing of it */
function requireCode(text: string): InvitationCode {
  try {
    return parseInvitationCode(text);
  } catch {
    throw new UsageError('that is not the code of an invitation', 'it begins with bulla1_ and is one long word');
  }
}

async function conclude({ home, out }: Context, pending: PendingEnrolment, outcome: EnrolmentOutcome): Promise<void> {
  if (outcome.state === 'pending') {
    out.talk('This device is not in yet; run `bulla device enrol` again when it was approved.');
    return;
  }
  if (outcome.state === 'refused') {
    await dropEnrolment(home);
    throw new BullaError('forbidden', {
      message: 'this device was refused; its keys are of no use any more: ask for another invitation',
      origin: 'client',
      status: 403,
    });
  }
  await finishEnrolment(home, pending, outcome);
  const { urn, org } = outcome.keys;
  const entity = outcome.trust.entity(urn);
  out.line(styled('✔', 'good'), ` in: ${urn}`);
  if (entity?.kind === 'device') {
    out.talk(
      `organisation ${org} (${outcome.trust.profile}); roles ${entity.roles.join(', ')}; groups ${entity.groups.join(', ') || 'none'}`,
    );
  }
  if (entity?.kind === 'device' && entity.roles.includes('renewer'))
    out.talk(
      'Look at where everything stands, then begin: bulla trust renew --adopt, and bulla trust renew --every 1h',
    );
  else out.talk('Put its keys under a passphrase with: bulla keys lock');
}
