import type { WitnessedNow, WitnessPass } from '@bulla/client';
import { BullaError } from '@bulla/client';
import { WitnessHome } from '@bulla/client/node';
import { CryptoError, parseUrn, urnOf } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { goRound } from '../../home/rounds.js';
import { requirePeriod } from '../../input/periods.js';
import { UsageError } from '../../input/usage-error.js';
import { groupedCount } from '../../output/audit-verdict.js';
import { EXIT } from '../../output/exit-code.js';
import { styled } from '../../output/output.js';

interface WitnessOptions {
  readonly folder?: string;
  readonly init?: string;
  readonly every?: string;
  readonly accept?: readonly string[];
  readonly json?: boolean;
}

/** `bulla audit witness` */
export function addWitnessCommand(audit: Command, context: Context): void {
  audit
    .command('witness')
    .description('sign what the logs have come to, as somebody who watches that they are never rewritten')
    .option(
      '--folder <folder>',
      "the witness's own: its key and what it has signed (default: witness, in the home folder)",
    )
    .option('--init <name>', 'make a witness of this name there, and print the key for the policy; once')
    .option(
      '--accept <organisation and service...>',
      'take the new log of a service although it does not stand upon what was signed, such as `acme vault`; one pass',
    )
    .option('--every <period>', 'go on, with a pass each period: minutes or hours, such as 5m (default: one pass)')
    .option('--json', 'print each pass as a line of JSON')
    .addHelpText(
      'after',
      `
A witness runs elsewhere than the services, for somebody else, on a device of an auditor. It keeps the newest tree of each
log that it signed, and signs a newer one only if that continues it. So nobody can show one log to it and another to you,
or take anything back that it has signed. The policy names it ("witnesses"), and \`bulla audit verify\` asks for as many as
the policy says.

A log that contradicts what was signed is refused: both checkpoints are kept in the folder, as evidence for everybody, and
the command ends with 10. So is a log of a lower number than was signed, and one of a higher number whose first entry does
not name what was signed: after a disaster a person who knows why takes it, with --accept. A witness whose state is not there refuses to sign. An older tree is late, and is passed over.
Keep the folder safe, and let only one process use it. \`bulla keys lock FOLDER/witness.key\` puts the key under a passphrase.

Examples:
  $ bulla audit witness --init witness.example/w1
  $ bulla audit witness
  $ bulla audit witness --every 5m
  $ bulla audit witness --accept acme responder:eu1     (its log was lost, and begun anew from what was left)`,
    )
    .action((options: WitnessOptions) => witness(context, options));
}

async function witness(context: Context, { folder, init, every, accept }: WitnessOptions): Promise<void> {
  const home = context.homeAt(folder ?? context.home.path('witness'));
  if (accept !== undefined && (init !== undefined || every !== undefined))
    throw new UsageError('--accept goes without --init and --every', 'a person takes one new log, once');
  if (init !== undefined) {
    if (every !== undefined) throw new UsageError('--init goes without --every', 'the policy has to name it first');
    const key = await made(() => WitnessHome.make(home, init));
    context.result({ folder: home.folder, key }, key);
    context.out.talk(`a new witness in ${home.folder}; the policy names it by the key above:`);
    context.out.talk('  "witnesses": { "quorum": 1, "keys": ["…"] }      then: bulla policy set policy.json');
    return;
  }
  const everyMs = every === undefined ? undefined : requirePeriod(every);
  const own = await WitnessHome.open(home);
  const release = await own.lock();
  try {
    if (everyMs === undefined) return await once(context, own, accept && (await acceptedService(context, accept)));
    await goRound({ round: () => round(context, own), everyMs, signal: context.io.signal });
  } finally {
    await release();
  }
}

async function made(make: () => Promise<string>): Promise<string> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof CryptoError) throw new UsageError(`--init: ${error.message}`);
    throw error;
  }
}

/** @returns the URN of the service whose new log is taken */
async function acceptedService(context: Context, named: readonly string[]): Promise<string> {
  const [org = '', id = '', ...more] = named;
  const urn = urnOf(org, 'svc', id);
  if (more.length > 0 || parseUrn(urn)?.kind !== 'svc')
    throw new UsageError('--accept: name the organisation and one service, such as --accept acme vault');
  const trust = await (await context.connect()).trust();
  // guard: cli-witness-accept
  if (![...trust.entitiesOf('vault'), ...trust.entitiesOf('responder')].includes(urn))
    throw new UsageError(`--accept: the directory lists no service ${urn}`, 'bulla whoami names the organisation');
  return urn;
}

async function pass(context: Context, own: WitnessHome, accepts?: string): Promise<WitnessPass> {
  const found = await (await context.connect()).audit.cosign(own.signer, own, { accepts });
  show(context, found);
  return found;
}

async function once(context: Context, own: WitnessHome, accepts: string | undefined): Promise<void> {
  const { logs, unreached } = await pass(context, own, accepts);
  // A contradiction before what may be otherwise the next time.
  const refused = logs.filter(({ outcome }) => outcome === 'refused');
  for (const { error } of [...refused, ...logs, ...unreached]) if (error !== undefined) throw error;
}

/** @returns whether all went well; it throws nothing that may be otherwise the next time */
async function round(context: Context, own: WitnessHome): Promise<boolean> {
  try {
    const { logs, unreached } = await pass(context, own);
    // A person has to look at it: that it went well later does not take it back.
    // guard: cli-witness-refused
    if (logs.some(({ outcome }) => outcome === 'refused')) context.exitCode = EXIT.verification;
    return unreached.length === 0 && logs.every(({ error }) => error === undefined);
  } catch (error) {
    if (!(error instanceof BullaError)) throw error;
    context.out.talk(styled('✘', 'bad'), ` ${error.message}`);
    return false;
  }
}

function show(context: Context, { logs, unreached }: WitnessPass): void {
  const { out } = context;
  if (context.asJson) {
    const of = ({ origin, entries, before, outcome, follows, error, evidence }: WitnessedNow) => ({
      origin,
      entries,
      before: before ?? null,
      outcome,
      ...(follows !== undefined && { follows }),
      ...(error !== undefined && { code: error.code, message: error.message }),
      ...(evidence !== undefined && { evidence }),
    });
    return out.jsonLine({ logs: logs.map(of), unreached: unreached.map(({ service }) => service) });
  }
  for (const log of logs) showOne(context, log);
  for (const { service, error } of unreached) out.talk(`– ${service}: ${error.message}`);
}

function showOne({ out }: Context, { origin, entries, before, outcome, follows, error, evidence }: WitnessedNow): void {
  const known = before === undefined ? firstSeen(follows) : `${groupedCount(before)} before`;
  if (outcome === 'cosigned')
    return out.line(styled('✔', 'good'), ` ${origin}  cosigned ${groupedCount(entries)} entries, ${known}`);
  if (outcome === 'same') return out.talk(`– ${origin}: ${groupedCount(entries)} entries, cosigned before`);
  if (outcome === 'behind')
    return out.talk(`– ${origin}: ${groupedCount(entries)} entries, ${known}: late, and nothing was signed`);
  if (outcome === 'accepted')
    out.line(styled('✔', 'good'), ` ${origin}  cosigned ${groupedCount(entries)} entries, taken as you said`);
  else out.talk(styled('✘', 'bad'), ` ${origin}  ${error?.message ?? outcome}`);
  if (evidence !== undefined) out.talk(`  both signed checkpoints are kept in ${evidence}`);
}

function firstSeen(follows: WitnessedNow['follows']): string {
  if (follows === undefined) return 'seen for the first time';
  const more = follows.more === 0 ? '' : `, of which ${groupedCount(follows.more)} more were signed`;
  return `the next log after ${follows.origin}${more}`;
}
