import type { LabelOutcome, Prompts, ProposedMove } from '@bulla/client';
import { BullaError } from '@bulla/client';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { EXIT } from '../../output/exit-code.js';
import type { NamedVersion } from '../../input/names.js';
import { requireLabel, requireNameAndVersion, requirePromptName, requireVersion } from '../../input/names.js';
import type { Part } from '../../output/output.js';
import { styled } from '../../output/output.js';
import { UsageError } from '../../input/usage-error.js';
import type { SigningOptions } from '../signing.js';
import { addSigningOptions, contentOf, requireAgreement, requireContent } from '../signing.js';

interface LabelOptions extends SigningOptions {
  readonly delete?: boolean;
}

const LATEST = 'latest';

/** `bulla prompt promote|rollback|label` */
export function addLabelCommands(prompt: Command, context: Context): void {
  addSigningOptions(
    prompt
      .command('promote <name> [version]')
      .description('point a label to a version, after you saw it; a protected one waits for further people')
      .requiredOption('--label <label>', 'the label, such as production'),
  ).action((text: string, version: string | undefined, options: SigningOptions & { label: string }) => {
    const wanted = requireNameAndVersion(text, version);
    if (wanted.version === undefined)
      throw new UsageError(
        'say which version the label shall point to',
        `bulla prompt promote ${wanted.name} 4 --label production`,
      );
    return move(context, { ...wanted, version: wanted.version }, options.label, options, 'promote');
  });
  addSigningOptions(
    prompt
      .command('rollback <name>')
      .description('point a label to the version that it pointed to before, after you saw it')
      .option('--label <label>', 'the label', 'production'),
  ).action((name: string, options: SigningOptions & { label: string }) => rollback(context, name, options));
  addSigningOptions(
    prompt
      .command('label <name> <label> [version]')
      .description('point a label to a version, after you saw it, or remove it')
      .option('--delete', 'remove the label'),
  ).action((text: string, of: string, version: string | undefined, options: LabelOptions) =>
    label(context, requireNameAndVersion(text, version), of, options),
  );
}

async function label(
  context: Context,
  { name, version }: Omit<NamedVersion, 'label'>,
  of: string,
  options: LabelOptions,
): Promise<void> {
  requireLabel(of);
  if ((version === undefined) === (options.delete !== true)) {
    throw new UsageError(
      'say which version the label shall point to, or --delete',
      'bulla prompt label claims/triage production 4',
    );
  }
  if (version === undefined && options.expect !== undefined)
    throw new UsageError('--expect names a content, and --delete leaves none');
  if (version !== undefined) return move(context, { name, version }, of, options, 'label');
  // guard: cli-latest-delete
  if (of === LATEST) throw new UsageError(`${LATEST} always names the newest version: it is not removed`);
  const outcome = await (await context.connect()).prompts.deleteLabel(name, of);
  sayOutcome(context, name, of, outcome, options.json === true);
}

/** Nobody is asked to sign what is said already. */
function sayUnchanged({ out }: Context, proposed: ProposedMove, version: number, asJson: boolean): void {
  const { prompt, label: of } = proposed;
  const seq = proposed.seq - 1;
  if (asJson) return out.json({ name: prompt.name, label: of, seq, version, changed: false });
  out.line(`${prompt.name}  ${of} → v${version}  (unchanged, move ${seq})`);
  out.talk(`nothing was signed; to say that it stands there for longer: bulla prompt confirm ${prompt.name}@${of}`);
}

/** What reads or runs a prompt without a label means its newest version by `latest`: nobody points it elsewhere by hand. */
async function requireNewest(prompts: Prompts, name: string, of: string, version: number): Promise<void> {
  if (of !== LATEST) return;
  const { latest_version: newest } = await prompts.get(name);
  // guard: cli-latest-newest
  if (version !== newest) throw notNewest(`the newest version, which is v${newest}`, name);
}

function notNewest(what: string, name: string): UsageError {
  return new UsageError(
    `${LATEST} always names ${what}`,
    `give an older version a label of its own: bulla prompt promote ${name} VERSION --label LABEL`,
  );
}

/** @param by the command that asks, to name it again where nobody can be asked */
async function move(
  context: Context,
  { name, version }: { readonly name: string; readonly version: number },
  of: string,
  options: SigningOptions,
  by: 'promote' | 'label',
): Promise<void> {
  requireLabel(of);
  if (options.expect !== undefined) requireContent(options.expect);
  const { prompts } = await context.connect();
  await requireNewest(prompts, name, of, version);
  const proposed = await prompts.proposeMove(name, of, version);
  const isWanted = options.expect === undefined || requireContent(options.expect) === contentOf(proposed);
  // guard: cli-move-unchanged
  if (proposed.stands === true && isWanted) return sayUnchanged(context, proposed, version, options.json === true);
  const again = by === 'promote' ? `promote ${name} ${version} --label ${of}` : `label ${name} ${of} ${version}`;
  await requireAgreement(context, proposed, options, `bulla prompt ${again}`);
  sayOutcome(context, name, of, await prompts.sign(proposed), options.json === true);
}

async function rollback(context: Context, name: string, options: SigningOptions & { label: string }): Promise<void> {
  requirePromptName(name);
  requireLabel(options.label);
  // guard: cli-latest-rollback
  if (options.label === LATEST) throw notNewest('the newest version', name);
  if (options.expect !== undefined) requireContent(options.expect);
  const { prompts } = await context.connect();
  const proposed = await proposeRollback(context, prompts, name, options);
  const again = options.label === 'production' ? '' : ` --label ${options.label}`;
  await requireAgreement(context, proposed, options, `bulla prompt rollback ${name}${again}`);
  sayOutcome(context, name, options.label, await prompts.sign(proposed), options.json === true);
}

/** Where signatures do not prove which version came before, nobody but a person can say it. */
async function proposeRollback(
  { out, asker }: Context,
  prompts: Prompts,
  name: string,
  { label: of, yes }: SigningOptions & { label: string },
): Promise<ProposedMove> {
  try {
    return await prompts.proposeRollback(name, of);
  } catch (error) {
    const isUnproven = error instanceof BullaError && error.check === 'label-history';
    if (!isUnproven || !asker.isTerminal || yes === true) throw error;
    out.must(error.message);
    return prompts.proposeMove(name, of, requireVersion(await asker.line(`Which version shall ${of} point to?`)));
  }
}

/** What came of moving a label; a move that waits for others ends the command with a code of its own. */
export function sayOutcome(context: Context, name: string, of: string, outcome: LabelOutcome, asJson: boolean): void {
  const { out } = context;
  if (outcome.pending !== undefined) context.exitCode = EXIT.waits;
  if (asJson) return out.json({ name, label: of, ...outcome });
  if (outcome.pending !== undefined) return out.line(...pendingLine(of, outcome.pending));
  if (outcome.version === 0) return out.line(`${name}  label ${of} removed`);
  out.line(`${name}  ${of} → v${outcome.version}  (move ${outcome.seq})`);
}

/** Who must still sign. It is shown to a person who has signed. */
export function pendingLine(of: string, { approval, given, needed }: NonNullable<LabelOutcome['pending']>): Part[] {
  const others = given > 1 ? ` and ${given - 1} more` : '';
  return [
    styled('⏸', 'strong'),
    ` label "${of}" is protected: ${given} of ${needed} approvals (you${others}). Ask someone to run: bulla approve yes ${approval}`,
  ];
}
