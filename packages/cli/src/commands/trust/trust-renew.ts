import { BullaError, publishOrganisation } from '@bulla/client';
import type { Bulla, RenewalRound } from '@bulla/client';
import { adoptSeenDocuments, renewOrganisation, setFutureAside } from '@bulla/client/node';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { styled } from '../../output/output.js';
import { Renewal } from '../../home/renewal.js';
import { handedLines, hasMemory, heldLines, roundAsJson, roundLine } from '../../home/renewer-home.js';
import { goRound } from '../../home/rounds.js';
import { CheckFailed } from '../../output/exit-code.js';
import { requirePeriod } from '../../input/periods.js';
import { UsageError } from '../../input/usage-error.js';
import { requireVaultClock } from '../../inspection/vault-clock.js';
import type { BeginOptions } from './begin-logs.js';
import { askLogs, shownLogs } from './begin-logs.js';
import { unlistedKeysOf } from './keys-in-place.js';
import type { AdoptOptions } from './trust-adopt.js';
import { adoptAsRenewer } from './trust-adopt.js';

const collected = (value: string, before: readonly string[]) => [...before, value];

interface RenewOptions extends AdoptOptions, BeginOptions {
  readonly every?: string;
  readonly adopt?: boolean;
  readonly beginLogs?: boolean;
}

/** `bulla trust renew` */
export function addTrustRenewCommand(trust: Command, context: Context): void {
  trust
    .command('renew')
    .description('do what the keys here allow: sign documents that are due, or say what is the newest')
    .option('--every <time>', 'as a renewer: go on until stopped, a round each time; 1m to 24h, such as 1h')
    .option(
      '--begin-logs',
      'after a restore, or where marks are lost: a key of the next audit log for vault and responder each',
    )
    .option('--adopt', 'as a renewer: show where everything stands, and begin from there')
    .option('--expect <sha256:…>', 'with --adopt: only if this is what would be shown; nobody is asked then')
    .option('--witness <file>', 'with --begin-logs: the state of a named witness, its witness.json', collected, [])
    .option('--yes', 'do not ask: with --adopt, which needs --expect, or --begin-logs')
    .option('--json', 'print what was done as JSON; with --every a line of JSON for each round')
    .addHelpText(
      'after',
      `
Where keys of the organisation are, documents that are due are signed and published: a directory from its 28th day on,
so that nothing ends while nobody is there for 60 days; a policy and a root with a third of their year left. It never
signs where a label stands: that is \`bulla prompt confirm NAME@LABEL\`, by who read it.

Where the keys of a renewer are (services/renewer.keys.json), it says which directory and which positions of labels are
the newest it knows. It decides nothing, and says nothing of what it has not followed; without a memory it says nothing
at all, until somebody looked at what the vault shows and adopted it.

Examples:
  $ bulla trust renew
  $ bulla trust renew --every 1h        (what the service \`renew\` runs)
  $ bulla trust renew --begin-logs      (files of keys elsewhere than here: put the new ones in place, then run it again without)
  $ bulla trust renew --adopt           (a renewer that came in, or lost its memory)`,
    )
    .action((options: RenewOptions) => renew(context, options));
}

async function renew(context: Context, options: RenewOptions): Promise<void> {
  if (options.adopt === true) {
    if (options.every !== undefined) throw new UsageError('--adopt goes without --every', 'a person adopts, once');
    if (options.beginLogs === true) throw new UsageError('--adopt goes without --begin-logs');
    return adoptAsRenewer(context, options);
  }
  if (options.expect !== undefined) throw new UsageError('--expect goes with --adopt only');
  if (options.beginLogs !== true && (options.yes === true || (options.witness ?? []).length > 0))
    throw new UsageError('--yes goes with --adopt or --begin-logs, and --witness with --begin-logs only');
  if (options.every === undefined) return renewOnce(context, options.beginLogs === true ? options : undefined);
  if (options.beginLogs === true) throw new UsageError('--begin-logs goes without --every', 'logs begin anew once');
  return renewEvery(context, options.every);
}

async function renewOnce(context: Context, begin: BeginOptions | undefined): Promise<void> {
  const { out } = context;
  const isDevice = await context.hasIdentity();
  const documents = isDevice ? await renewDocuments(context, { begin }) : [];
  if (begin !== undefined && !documents.some((line) => line.startsWith('key for audit log')))
    throw new CheckFailed(
      'no key of a next log was made: the keys of vault and responder, or the one of the directory, are not here; where they are, run bulla keys generate NEW --like FILE --checkpoint, and bulla trust accept',
    );
  // Should a later step fail, what was done before it was said all the same.
  const say = (line: string) => (context.asJson ? out.talk(line) : out.line(line));
  for (const line of documents) say(line);
  const round = await renewAsRenewer(context, isDevice, say);
  const labels = isDevice ? await beginLabels(await context.connect()) : [];
  for (const begun of labels) say(begunLine(begun));
  if (context.asJson) out.json({ changes: documents, round: round === undefined ? null : roundAsJson(round), labels });
  else if (documents.length + labels.length === 0 && round === undefined)
    out.talk(styled('✔', 'good'), ' nothing is about to expire');
}

/** @returns undefined where no renewer is here, or only a copy of its keys beside other keys. */
async function renewAsRenewer(
  context: Context,
  isDevice: boolean,
  say: (line: string) => void,
): Promise<RenewalRound | undefined> {
  const { out, home } = context;
  const renewer = await context.renewer();
  if (renewer === undefined) {
    // Says what is missing.
    if (!isDevice) await context.identity();
    return undefined;
  }
  if (isDevice && !(await hasMemory(home))) {
    out.talk('note: the renewer of this organisation runs elsewhere, or has lost its memory');
    return undefined;
  }
  const round = await renewer.round((handed) => {
    for (const line of handedLines(handed)) out.talk(line);
  });
  say(roundLine(round));
  for (const line of heldLines(round)) out.talk(line);
  return round;
}

async function renewEvery(context: Context, every: string): Promise<void> {
  const { io, out, home } = context;
  const everyMs = requirePeriod(every);
  if ((await context.renewer()) === undefined)
    throw new UsageError('--every is for a renewer, and its keys are not here', 'let one in: docs/guide/people.md');
  const renewal = new Renewal(home, await context.renewerSettings(), {
    out,
    handed: (back) => {
      for (const line of handedLines(back)) {
        if (context.asJson) out.talk(line);
        else out.line(line);
      }
    },
    say: (round) => {
      if (context.asJson) out.jsonLine(roundAsJson(round));
      else out.line(roundLine(round));
    },
  });
  await renewal.begin();
  await goRound({ round: () => renewal.round(), everyMs, signal: io.signal });
}

/** Documents can be signed only where their keys are; a vault that does not have the organisation yet gets it. */
export async function renewDocuments(
  context: Context,
  { begin }: { readonly begin?: BeginOptions | undefined } = {},
): Promise<readonly string[]> {
  const { vaultUrl, org, pin } = await context.profile();
  await requireVaultClock(vaultUrl, context.io.fetch, () => context.now());
  await catchUp(context, org);
  for (const line of await setFutureAside(context.home, org, context.now())) context.out.talk(`note: ${line}`);
  const keptHashes = async () => (await context.offline()).directoryHashes();
  const beginsLogs = begin !== undefined;
  const heardLogs = beginsLogs ? await askLogs(context, begin) : await shownLogs(context);
  const leavesOut = unlistedKeysOf(context);
  const own = await renewOrganisation(context.home, context.now(), { keptHashes, beginsLogs, heardLogs, leavesOut });
  if (own?.org !== org || own.pin !== pin) return [];
  for (const line of own.stale) context.out.must(`note: ${line}`);
  const identity = await context.identity();
  await publishOrganisation({ ...own, vaultUrl, identity, fetch: context.io.fetch });
  return own.changes;
}

/** What is signed next stands on the newest that the vault shows; it may have none, or one that has just run out. */
async function catchUp(context: Context, org: string): Promise<void> {
  try {
    await (await context.offline()).catchUpTrust();
  } catch (error) {
    if (!(error instanceof BullaError) || error.code !== 'not_found') throw error;
  }
  await adoptSeenDocuments(context.home, org);
}

/** Labels of a prompt that were begun anew. */
interface BegunLabels {
  readonly name: string;
  readonly labels: readonly string[];
}

export function begunLine({ name, labels }: BegunLabels): string {
  return `labels of ${name} begun anew: ${labels.join(', ')}`;
}

/** Begins labels anew that this device signed before positions named the one before. */
export async function beginLabels(bulla: Bulla): Promise<readonly BegunLabels[]> {
  const begun: BegunLabels[] = [];
  for await (const { name } of bulla.prompts.list()) {
    const labels = await bulla.prompts.renewLabels(name);
    if (labels.length > 0) begun.push({ name, labels });
  }
  return begun;
}
