import type { PendingApproval } from '@bulla/client';
import { ApprovalId } from '@bulla/contract';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { CheckFailed } from '../output/exit-code.js';
import { moveScreen } from '../output/move-screen.js';
import { requireLabel, shortName } from '../input/names.js';
import { UsageError } from '../input/usage-error.js';
import { sayOutcome } from './prompt/prompt-labels.js';
import type { SigningOptions } from './signing.js';
import {
  addSigningOptions,
  contentOf,
  describeVersion,
  requireAgreement,
  requireContent,
  showScreen,
} from './signing.js';

interface YesOptions extends SigningOptions {
  readonly label?: string;
}
interface ShowOptions {
  readonly full?: boolean;
  readonly json?: boolean;
}

/** `bulla approve …` */
export function addApproveCommands(program: Command, context: Context): void {
  const approve = program
    .command('approve')
    .description('sign moves of protected labels that others have begun')
    .addHelpText(
      'after',
      `
A label that the policy protects moves when enough people have signed the same. Before this device signs, it verifies
who signed so far, that it is the next position of the label, and that the vault holds the very content they signed;
and it shows you all that this changes. What is shown is what is signed.

Examples:
  $ bulla approve list
  $ bulla approve show apr_01m88dr1v8fjqtnqt85xm5qwg7
  $ bulla approve yes apr_01m88dr1v8fjqtnqt85xm5qwg7`,
    );
  approve
    .command('list')
    .description('list what waits, as the vault shows it')
    .option('--json', 'print the list as JSON')
    .action((options: { json?: boolean }) => list(context, options.json === true));
  approve
    .command('show <id>')
    .description('verify what waits, and show who signed what, and what it changes')
    .option('--full', 'show all of the text, not only what changes')
    .option('--json', 'print it as JSON')
    .action((id: string, options: ShowOptions) => show(context, id, options));
  addSigningOptions(
    approve
      .command('yes <id>')
      .description('sign the same as those before, after you saw it; with the last signature needed the label moves')
      .option('--label <label>', 'sign only if it is for this label; --expect needs it'),
  ).action((id: string, options: YesOptions) => yes(context, id, options));
  approve
    .command('no <id>')
    .description('end what waits, for everybody')
    .option('--json', 'print the result as JSON')
    .action((id: string) => no(context, id));
}

async function list(context: Context, asJson: boolean): Promise<void> {
  const { out } = context;
  const bulla = await context.connect();
  const waiting = [];
  for await (const approval of bulla.approvals.list()) waiting.push(approval);
  if (asJson) return out.json(waiting);
  if (waiting.length === 0) return out.talk('nothing waits for approval');
  const self = await context.beholder();
  const rows = waiting.map(({ id, name, label, version, signers, needed, expires_at }) => [
    id,
    name,
    label,
    version === 0 ? 'remove' : `v${version}`,
    `${signers.length} of ${needed} (${signers.map((urn) => shortName(urn, self)).join(', ')})`,
    expires_at.replace(/\.\d+Z$/, 'Z'),
  ]);
  out.table([['ID', 'PROMPT', 'LABEL', 'TO', 'SIGNED', 'UNTIL'], ...rows]);
}

async function show(context: Context, id: string, { full, json }: ShowOptions): Promise<void> {
  const { out } = context;
  requireApproval(id);
  const bulla = await context.connect();
  const approval = await bulla.approvals.get(id);
  const move = await bulla.approvals.open(approval);
  const { target, present } = move;
  if (json === true) {
    const opened = present?.opened && describeVersion(present.opened);
    const { version, chash } = present ?? {};
    return out.json({
      ...approval,
      target: target === undefined ? null : describeVersion(target),
      present: present === undefined ? null : (opened ?? { version, chash }),
    });
  }
  out.table(await rowsOf(context, approval));
  if (target === undefined && approval.version > 0)
    return out.talk(
      `this version is not sealed to this device, which can neither show nor sign it; somebody who can open it runs: bulla prompt reseal ${approval.prompt.name} --version ${approval.version}`,
    );
  const self = await context.beholder();
  out.line();
  showScreen(moveScreen(move, { self, whole: full === true }), (...parts) => out.line(...parts));
  out.talk(`sign exactly this: ${commandFor(approval)} --yes --expect ${contentOf(move)}`);
}

async function yes(context: Context, id: string, options: YesOptions): Promise<void> {
  const { out } = context;
  requireApproval(id);
  const label = options.label === undefined ? undefined : requireLabel(options.label);
  if (options.expect !== undefined) requireContent(options.expect);
  // The same content may wait for another label under this id by now.
  // guard: cli-expect-label
  if (options.expect !== undefined && label === undefined)
    throw new UsageError('--expect names a content: say with --label which label may point to it');
  const bulla = await context.connect();
  const move = await bulla.approvals.prepare(id);
  const { approval } = move;
  for (const [name = '', value = ''] of await rowsOf(context, approval)) out.talk(`${name.padEnd(10)} ${value}`);
  // guard: cli-approval-label
  if (label !== undefined && label !== approval.label)
    throw new CheckFailed('what waits is for another label than you named: nothing was signed (check approval)');
  await requireAgreement(context, move, options, commandFor(approval));
  const outcome = await bulla.approvals.give(move);
  sayOutcome(context, approval.prompt.name, approval.label, outcome, options.json === true);
}

/** The command that signs what waits, but for what it is. */
function commandFor({ id, label }: PendingApproval): string {
  return `bulla approve yes ${id} --label ${label}`;
}

async function no(context: Context, id: string): Promise<void> {
  requireApproval(id);
  await (await context.connect()).approvals.drop(id);
  context.result({ id, dropped: true }, `${id}  dropped`);
}

/** What a person must see before they sign. */
async function rowsOf(context: Context, approval: PendingApproval): Promise<string[][]> {
  const { prompt, label, version, chash, seq, signers, needed, expiresAt } = approval;
  const self = await context.beholder();
  return [
    ['prompt', prompt.name],
    ['label', `${label}, move ${seq}`],
    ['to', version === 0 ? 'nowhere: the label is removed' : `v${version}`],
    ...(version === 0 ? [] : [['content', `sha256:${chash}`]]),
    ['signed by', `${signers.map((urn) => shortName(urn, self)).join(', ')} (${signers.length} of ${needed})`],
    ['until', new Date(expiresAt * 1000).toISOString().replace(/\.\d+Z$/, 'Z')],
  ];
}

function requireApproval(id: string): void {
  if (ApprovalId.safeParse(id).success) return;
  throw new UsageError('that is not the id of an approval', 'list what waits: bulla approve list');
}
