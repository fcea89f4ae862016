import { setTimeout as pause } from 'node:timers/promises';
import type { EnrolmentOutcome, PendingEnrolment } from '@bulla/client';
import { BullaError, Enrolment, isInvitationGone, prepareEnrolment } from '@bulla/client';
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
import type { Context } from '../../context.js';
import type { Io } from '../../io.js';
import { requireDeviceLabel } from '../../output/device-names.js';
import { readText } from '../../input/files.js';
import { styled } from '../../output/output.js';
import { UsageError } from '../../input/usage-error.js';

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
    .option('--label <label>', 'what the person who approves will see', 'device')
    .option('--renewer', 'come in as a renewer, which was invited as one: with keys that say what is the newest')
    .option('--wait', 'wait until the device is let in')
    .option('--json', 'print how the request stands as JSON')
    .addHelpText(
      'after',
      `
Keys are made here and never leave this machine. The eight words stand for them. A person who approves without having
invited asks you for the words, so read them out over another way than this network. Called again, it goes on with the
same keys where it was interrupted, and finishes when the device was let in. Where that request comes to nothing, since
its code ran out, was used or was taken back, or the device was refused, the code of another invitation begins anew.

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
  const { pending, enrolment, ...found } =
    (await resume(context, options, settings)) ?? (await begin(context, options, settings));
  let { outcome } = found;
  const names = { fingerprint: await enrolment.fingerprint(), words: (await enrolment.words()).join(' ') };
  if (outcome.state === 'pending') {
    // Somebody has to compare them while this waits; a program gets them with the outcome.
    const show = (line: string) => (context.asJson ? out.talk(line) : out.line(line));
    show(`fingerprint  ${names.fingerprint}`);
    show(`words        ${names.words}`);
    out.talk('Ask the person who invited you to run: bulla device approve');
  }
  if (options.wait === true) outcome = await out.during('waiting to be let in', untilDecided(enrolment, outcome, io));
  await conclude(context, pending, outcome, names);
}

async function untilDecided(enrolment: Enrolment, first: EnrolmentOutcome, { signal }: Io): Promise<EnrolmentOutcome> {
  let outcome = first;
  while (outcome.state === 'pending') {
    await pause(POLL_MS, undefined, { signal });
    outcome = await enrolment.check();
  }
  return outcome;
}

interface Settings {
  readonly store: FileTrustStore;
  readonly fetch: typeof fetch;
}

/** A request that is on its way, and how it stands. */
interface Started {
  readonly pending: PendingEnrolment;
  readonly enrolment: Enrolment;
  readonly outcome: EnrolmentOutcome;
}

/**
 * The request that was made in this folder before. One that comes to nothing gives way to the code of another invitation.
 * @returns undefined where there is none.
 */
async function resume(context: Context, options: EnrolOptions, settings: Settings): Promise<Started | undefined> {
  const { home, out } = context;
  const pending = await readEnrolment(home);
  if (pending === undefined) return undefined;
  const given = options.code === undefined ? undefined : await readCode(context, options.code);
  const isOther = given !== undefined && given.id !== pending.request.invitation;
  const enrolment = new Enrolment(pending, settings);
  const { outcome, gone } = await lookAt(enrolment);
  if (outcome !== undefined && outcome.state !== 'refused') {
    out.talk(`note: going on with the request that was made here before (${home.path('enrolment.json')})`);
    if (isOther) out.talk('note: the code that was given is of another invitation: it was not used, and can be still');
    return { pending, enrolment, outcome };
  }
  const why = gone instanceof Error ? gone.message : 'the device was refused';
  out.talk(`note: the request that was made here before comes to nothing: ${why}`);
  const code = given ?? (await findCode(context));
  if (code !== undefined && code.id !== pending.request.invitation) return beginWith(context, code, options, settings);
  if (outcome === undefined) throw gone;
  return { pending, enrolment, outcome };
}

/** How a request stands, or why there is no hope for it. */
async function lookAt(enrolment: Enrolment): Promise<{ readonly outcome?: EnrolmentOutcome; readonly gone?: unknown }> {
  try {
    return { outcome: await enrolment.proceed() };
  } catch (error) {
    if (isInvitationGone(error)) return { gone: error };
    throw error;
  }
}

async function begin(context: Context, options: EnrolOptions, settings: Settings): Promise<Started> {
  const { asker, home } = context;
  await requireUnused(home);
  requireDeviceLabel(options.label);
  const code =
    options.code === undefined
      ? requireCode(await asker.hidden('code of the invitation:', 'give it on standard input, or by --code FILE'))
      : await readCode(context, options.code);
  return beginWith(context, code, options, settings);
}

/** Makes keys and a request, which takes the place of one that came to nothing. */
async function beginWith(
  { home }: Context,
  code: InvitationCode,
  { label, renewer }: EnrolOptions,
  settings: Settings,
): Promise<Started> {
  const as = renewer === true ? 'renewer' : 'device';
  const pending = await prepareEnrolment(code, requireDeviceLabel(label), { ...settings, as });
  await writeEnrolment(home, pending);
  const enrolment = new Enrolment(pending, settings);
  return { pending, enrolment, outcome: await enrolment.proceed() };
}

async function readCode({ io }: Context, file: string): Promise<InvitationCode> {
  return requireCode(await readText(io, file));
}

/** The code of another invitation, where somebody gives one. */
async function findCode({ asker }: Context): Promise<InvitationCode | undefined> {
  let text: string;
  try {
    text = await asker.hidden('code of another invitation:');
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
  return requireCode(text);
}

/** @throws {UsageError} which repeats nothing of it */
function requireCode(text: string): InvitationCode {
  try {
    return parseInvitationCode(text);
  } catch {
    throw new UsageError('that is not the code of an invitation', 'it begins with bulla1_ and is one long word');
  }
}

async function conclude(
  context: Context,
  pending: PendingEnrolment,
  outcome: EnrolmentOutcome,
  names: { readonly fingerprint: string; readonly words: string },
): Promise<void> {
  const { home, out } = context;
  if (outcome.state === 'pending') {
    if (context.asJson) out.json({ state: 'pending', ...names });
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
  const { roles, groups } = entity?.kind === 'device' ? entity : { roles: [], groups: [] };
  const document = { state: 'in', ...names, device: urn, organisation: org, roles, groups, home: home.folder };
  context.result(document, styled('✔', 'good'), ` in: ${urn}`);
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
