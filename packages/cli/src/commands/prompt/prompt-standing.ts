import type { AdoptablePosition, LabelAdoption } from '@bulla/client';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import type { Beholder } from '../../input/names.js';
import { requireLabel, requirePromptName, shortName } from '../../input/names.js';
import { UsageError } from '../../input/usage-error.js';
import type { SigningOptions } from '../signing.js';
import { addSigningOptions, requireAgreement, requireContent } from '../signing.js';

/** `bulla prompt confirm|adopt` */
export function addStandingCommands(prompt: Command, context: Context): void {
  addSigningOptions(
    prompt
      .command('confirm <name@label>')
      .description(
        'sign that a label stands where it does, after you saw it: it lasts longer, and points where it did',
      ),
  ).action((place: string, options: SigningOptions) => confirm(context, placeOf(place), options));
  prompt
    .command('adopt <name@label>')
    .description('choose where this machine takes a label to stand, when it and the vault do not agree')
    .option('--json', 'print both positions as JSON, and change nothing')
    .action((place: string, options: { json?: boolean }) => adopt(context, placeOf(place), options.json === true));
}

interface Place {
  readonly name: string;
  readonly label: string;
}

function placeOf(text: string): Place {
  const at = text.lastIndexOf('@');
  if (at < 0) throw new UsageError('say which label of which prompt', 'bulla prompt confirm claims/triage@production');
  return { name: requirePromptName(text.slice(0, at)), label: requireLabel(text.slice(at + 1)) };
}

async function confirm(context: Context, { name, label }: Place, options: SigningOptions): Promise<void> {
  const { out } = context;
  if (options.expect !== undefined) requireContent(options.expect);
  const { labels } = await context.connect();
  const standing = await labels.standing(name, label);
  const { prompt, opened, version, seq, prev } = standing;
  // All of it: the person who confirms may not have read it before.
  const present = { version, chash: opened.chash, opened };
  const shown = { ...options, full: true };
  await requireAgreement(
    context,
    { prompt, label, seq, prev, target: opened, present },
    shown,
    `bulla prompt confirm ${name}@${label}`,
  );
  const outcome = await labels.confirm(name, standing);
  if (options.json === true) return out.json({ name, label, ...outcome });
  out.line(`${name}  ${label} → v${version} confirmed  (move ${seq})`);
}

async function adopt(context: Context, { name, label }: Place, asJson: boolean): Promise<void> {
  const { out, asker } = context;
  const { labels } = await context.connect();
  const adoption = await labels.adoption(name, label);
  const { remembered, shown } = adoption;
  if (asJson) return out.json({ name, label, remembered, shown });
  const self = await context.beholder();
  out.talk(`${name}@${label}`);
  out.talk(`  this machine remembers  ${remembered === undefined ? 'nothing' : describe(remembered, self)}`);
  out.talk(`  the vault shows         ${describe(shown, self)}`);
  out.talk(`  ${judge(adoption)}`);
  // What is remembered already may lack a renewer's word: a person's takes its place for some days.
  const isSame = remembered?.pos !== undefined && remembered.pos === shown.pos;
  const question = isSame
    ? `Ask the people who signed. Is this where ${label} stands, and nothing later was signed?`
    : `Ask the people who signed. Replace what this machine remembers of ${label} by what the vault shows?`;
  if (!(await asker.agrees(question))) throw new UsageError('nothing was changed');
  await labels.adopt(adoption);
  out.line(`${name}@${label}  move ${shown.seq} adopted`);
}

/** A position in a line: where it points, and who said so when. */
function describe({ seq, prompt, version, chash, signers }: AdoptablePosition, self: Beholder): string {
  const target = version === 0 ? 'removed' : version === undefined ? 'a version' : `v${version}`;
  const content = chash === undefined || chash === '' ? '' : ` sha256:${chash}`;
  const of = prompt === undefined ? '' : ` of ${prompt}`;
  const people = signers.map(
    ({ urn, at }) => `${shortName(urn, self)} on ${new Date(at * 1000).toISOString().slice(0, 10)}`,
  );
  return `move ${seq}: ${target}${of}${content}, signed by ${people.join(', ') || 'nobody whose word can be verified'}`;
}

/** Whether what the vault shows would be followed, by the policy of now. */
function judge({ shown: { given, signed, needed } }: LabelAdoption): string {
  const asked = `the policy asks for ${needed}`;
  if (given >= needed) return `${given} signed what the vault shows by tags that count now; ${asked}`;
  if (signed >= needed)
    return `enough signed what the vault shows, and it has expired: it runs again once it is confirmed`;
  return `${signed} signed what the vault shows; ${asked}: it cannot be run, only confirmed or moved on`;
}
