import type { PendingApproval } from '@bulla/client';
import { ApprovalId, Hash } from '@bulla/contract';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { CheckFailed } from '../exit-code.js';
import { requireLabel, shortName } from '../names.js';
import { UsageError } from '../usage-error.js';
import { sayOutcome } from './prompt-labels.js';

interface YesOptions {
  readonly label?: string;
  readonly chash?: string;
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
who signed so far, that it is the next position of the label, and that the vault holds the very content they signed.

Examples:
  $ bulla approve list
  $ bulla approve show apr_01m88dr1v8fjqtnqt85xm5qwg7
  $ bulla prompt show claims/triage --version 5      (what you are asked to approve)
  $ bulla approve yes apr_01m88dr1v8fjqtnqt85xm5qwg7`,
    );
  approve
    .command('list')
    .description('list what waits, as the vault shows it')
    .option('--json', 'print the list as JSON')
    .action((options: { json?: boolean }) => list(context, options.json === true));
  approve
    .command('show <id>')
    .description('verify what waits, and show who signed what')
    .option('--json', 'print it as JSON')
    .action((id: string, options: { json?: boolean }) => show(context, id, options.json === true));
  approve
    .command('yes <id>')
    .description('sign the same as those before; with the last signature needed the label moves')
    .option('--label <label>', 'sign only if it is for this label')
    .option('--chash <sha256:…>', 'sign only if the content is this, as `approve show` printed it')
    .option('--json', 'print the result as JSON')
    .action((id: string, options: YesOptions) => yes(context, id, options));
  approve
    .command('no <id>')
    .description('end what waits, for everybody')
    .action((id: string) => no(context, id));
}

async function list(context: Context, asJson: boolean): Promise<void> {
  const { out } = context;
  const bulla = await context.connect();
  const waiting = [];
  for await (const approval of bulla.approvals.list()) waiting.push(approval);
  if (asJson) return out.json(waiting);
  if (waiting.length === 0) return out.talk('nothing waits for approval');
  const self = (await context.identity()).urn;
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

async function show(context: Context, id: string, asJson: boolean): Promise<void> {
  const { out } = context;
  requireApproval(id);
  const approval = await (await context.connect()).approvals.get(id);
  if (asJson) return out.json(approval);
  out.table(await rowsOf(context, approval));
  const content = approval.version === 0 ? '' : ` --chash sha256:${approval.chash}`;
  out.talk(`sign exactly this: bulla approve yes ${id} --label ${approval.label}${content}`);
}

async function yes(context: Context, id: string, options: YesOptions): Promise<void> {
  const { out, asker } = context;
  requireApproval(id);
  const label = options.label === undefined ? undefined : requireLabel(options.label);
  const chash = options.chash === undefined ? undefined : requireHash(options.chash);
  const bulla = await context.connect();
  const approval = await bulla.approvals.get(id);
  for (const [name = '', value = ''] of await rowsOf(context, approval)) out.talk(`${name.padEnd(10)} ${value}`);
  if ((label ?? approval.label) !== approval.label || (chash ?? approval.chash) !== approval.chash) {
    throw new CheckFailed('what waits is another move than you named: nothing was signed (check approval)');
  }
  if (chash === undefined && asker.isTerminal && !(await asker.agrees('Sign this?'))) {
    throw new UsageError('nothing was signed');
  }
  const outcome = await bulla.approvals.give(id, approval);
  sayOutcome(context, approval.prompt.name, approval.label, outcome, options.json === true);
}

async function no(context: Context, id: string): Promise<void> {
  requireApproval(id);
  await (await context.connect()).approvals.drop(id);
  context.out.line(`${id}  dropped`);
}

/** What a person must see before they sign. */
async function rowsOf(context: Context, approval: PendingApproval): Promise<string[][]> {
  const { prompt, label, version, chash, seq, signers, needed, expiresAt } = approval;
  const self = (await context.identity()).urn;
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

function requireHash(text: string): string {
  const hash = text.replace(/^sha256:/, '');
  if (Hash.safeParse(hash).success) return hash;
  throw new UsageError('--chash: expected what `bulla approve show` printed: sha256: and 43 characters');
}
