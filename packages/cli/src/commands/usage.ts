import type { AddedUsage, UsageBy, UsageCounts } from '@bulla/client';
import type { UsageSum } from '@bulla/contract';
import { UsageBy as By } from '@bulla/contract';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { Context } from '../context.js';
import { requireMoment } from '../input/moments.js';
import type { Beholder } from '../input/names.js';
import { shortName } from '../input/names.js';
import { counted } from '../output/output.js';
import { moneyShown, numberShown } from '../output/amounts.js';

interface UsageOptions {
  readonly by?: UsageBy;
  readonly since?: string;
  readonly until?: string;
}

const BY = 'model';
const SINCE = '30d';

/** `bulla usage` */
export function addUsageCommand(program: Command, context: Context): void {
  program
    .command('usage')
    .description('how many tokens runs took, and what that cost')
    .addOption(new Option('--by <what>', `by what it is added up (default: ${BY})`).choices(By.options))
    .option('--since <time>', `from this moment on: 24h or 30d ago, or a date (default: ${SINCE})`)
    .option('--until <time>', 'before this moment')
    .option('--json', 'print the sums as JSON')
    .addHelpText(
      'after',
      `
Admins and auditors see what everybody asked, others what this device asked. A responder counts a run when it ends, and
tells the vault within some seconds. Counts are kept by the hour: the hour in which --since lies counts whole. Each line is the
word of one responder: where there are several, it says which.

Examples:
  $ bulla usage
  $ bulla usage --by prompt --since 7d
  $ bulla usage --by day --since 2026-11-01 --until 2026-12-01
  $ bulla usage --by device --json | jq '.data[] | [.device, .input_tokens + .output_tokens] | @tsv' -r`,
    )
    .action((options: UsageOptions) => usage(context, options));
}

async function usage(context: Context, { by = BY, since = SINCE, until }: UsageOptions): Promise<void> {
  const { out } = context;
  const now = context.now();
  const choice = {
    by,
    since: requireMoment('--since', since, now),
    until: until === undefined ? undefined : requireMoment('--until', until, now),
  };
  const added = await (await context.connect()).usage.read(choice);
  if (context.asJson) return out.json({ since: choice.since, until: choice.until ?? null, ...added });
  if (added.data.length === 0) return out.talk('nothing is counted in that time');
  const beholder = await context.beholder();
  // Whose word it is, is said where there are several who could be wrong.
  const isOfSeveral = added.responders.length > 1;
  const word = (responder: string) => (isOfSeveral ? [shortName(responder, beholder)] : []);
  const rows = added.data.map((sum) => [...keyShown(sum, beholder), ...word(sum.responder), ...countsShown(sum)]);
  const each = added.responders.map((sum) => ['all together', ...word(sum.responder), ...countsShown(sum)]);
  const head = ['RUNS', 'FAILED', 'TOKENS IN', 'TOKENS OUT', 'COST'];
  out.table([
    [by.toUpperCase(), ...(isOfSeveral ? ['COUNTED BY'] : []), ...head],
    ...rows,
    ...(rows.length > 1 ? each : []),
    ...(isOfSeveral ? [['all together', 'all', ...countsShown(added.total)]] : []),
  ]);
  for (const note of notesOn(added)) out.talk(note);
}

function keyShown({ device, prompt, name, model, from }: UsageSum, beholder: Beholder): string[] {
  if (device !== undefined) return [shortName(device, beholder)];
  if (prompt !== undefined) return [prompt === null ? 'chats' : (name ?? prompt)];
  if (model !== undefined) return [model];
  return [from === undefined ? '' : from.replace('T00:00:00.000Z', '').replace('T', ' ').replace(':00.000Z', 'Z')];
}

function countsShown({ runs, failed, input_tokens: read, output_tokens: written, costs }: UsageCounts): string[] {
  return [...[runs, failed, read, written].map(numberShown), costs.map(moneyShown).join(' + ')];
}

/** What the sums do not hold. */
function notesOn({ total }: AddedUsage): string[] {
  const { uncounted, unpriced } = total;
  return [
    ...(uncounted > 0 ? [`of ${counted(uncounted, 'run')} the model did not say how many tokens they took`] : []),
    ...(unpriced > 0 ? [`of ${counted(unpriced, 'run')} no cost is known`] : []),
  ];
}
