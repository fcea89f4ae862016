import type { ListedEntry, ProvedEntry } from '@bulla/client';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { requireService } from '../../input/audit-choice.js';
import { requirePromptName } from '../../input/names.js';
import { NotThereError, UsageError } from '../../input/usage-error.js';
import { actorShown, entryAsJson, resultShown, serviceShown, valueShown } from '../../output/audit-words.js';
import { storyOf } from '../../output/audit-story.js';
import { groupedCount } from '../../output/audit-verdict.js';
import type { Part } from '../../output/output.js';
import { styled } from '../../output/output.js';
import { beholderOf, requireId } from './audit-list.js';
import { joinedEntries } from './audit-joined.js';
import type { AuditSource } from './audit-source.js';
import { auditSource } from './audit-source.js';

interface ShowOptions {
  readonly responder?: string;
  readonly bundle?: string;
  readonly pin?: string;
  readonly json?: boolean;
}

/** `bulla audit show` */
export function addShowCommand(audit: Command, context: Context): void {
  audit
    .command('show <what>')
    .description('what belongs together: a permission, a question and its answer; all about a prompt; one entry')
    .option('--responder <id>', 'with an index: the entry of the log of this responder')
    .option('--bundle <folder>', 'with an id: look into exported logs, which are verified first')
    .option('--pin <sha256:…>', "with --bundle: the pin of the organisation's root (default: the profile's)")
    .option('--json', 'print the entries as JSON')
    .addHelpText(
      'after',
      `
By an id (env_…, inv_…, prm_…, aud_…, apr_…) or the name of a prompt: every entry of every service that names it, and for
permissions and questions those that belong to them: who was allowed to ask, who asked, and the signed receipt of what was
answered. By an index: the whole entry. Each entry is shown to be in the tree that its service has signed, and it is said if one
is not; with --json in \`proved\`. That a service leaves none out, \`bulla audit verify\` shows.

Examples:
  $ bulla audit show env_01m8hakbanf7b8garf0rh9sjrr
  $ bulla audit show claims/triage
  $ bulla audit show prm_01m8hak9xper7s4szfmdcmdjg9 --bundle audit-2026-11
  $ bulla audit show 1042
  $ bulla audit show 17 --responder local`,
    )
    .action((what: string, options: ShowOptions) => show(context, what, options));
}

async function show(context: Context, what: string, options: ShowOptions): Promise<void> {
  if (/^(0|[1-9][0-9]{0,15})$/.test(what)) return showEntry(context, Number(what), options);
  if (options.responder !== undefined)
    throw new UsageError('--responder is for an index', 'an id is looked for everywhere');
  await showStory(context, what, options);
}

async function showStory(context: Context, what: string, options: ShowOptions): Promise<void> {
  const { out } = context;
  const source = await auditSource(context, options);
  const id = await idOf(source, what);
  const found = await joinedEntries(source, id);
  if (found.length === 0)
    throw new NotThereError(`no log has ${id}`, 'an entry comes into the log about a second after the act');
  const proved = await provedOf(context, source, found);
  if (options.json === true) return out.json(found.map((entry, at) => entryAsJson(entry, proved[at] === true)));
  const beholder = await beholderOf(context, source);
  for (const line of storyOf(id, found, beholder)) out.line(...line);
  for (const line of provedLines(proved)) out.line(...line);
}

/** How many entries were shown to be in a signed tree, and how many were not. */
function provedLines(proved: readonly boolean[]): Part[][] {
  const all = proved.length;
  const count = proved.filter((is) => is).length;
  const what =
    all === 1 ? 'the entry is' : count === all ? `each of ${all} entries is` : `${count} of ${all} entries are`;
  const isIn = [styled('✔', 'good'), ` ${what} in a tree that the service has signed`];
  const left = `${all - count} of ${all === 1 ? '1 entry' : `${all} entries`}`;
  const isNot = ['–', ` ${left} in no signed tree yet: ask again in a moment; \`bulla audit verify\` says more`];
  return [...(count > 0 ? [isIn] : []), ...(count < all ? [isNot] : [])];
}

/** Of each entry whether it is in a tree that its service signed. A folder was verified as a whole before it was read. */
async function provedOf(
  context: Context,
  { bulla }: AuditSource,
  found: readonly ListedEntry[],
): Promise<readonly boolean[]> {
  if (bulla === undefined) return found.map(() => true);
  const proved = await context.out.during('looking for the entries in the signed trees', bulla.audit.prove(found));
  return proved.map(({ head }) => head !== undefined);
}

/** An id as it is, the name of a prompt by the id that it has now. */
async function idOf({ bulla }: AuditSource, what: string): Promise<string> {
  if (/^[a-z]{3}_/.test(what) || bulla === undefined) return requireId(what);
  return (await bulla.prompts.get(requirePromptName(what))).id;
}

async function showEntry(context: Context, index: number, options: ShowOptions): Promise<void> {
  if (options.bundle !== undefined)
    throw new UsageError('--bundle takes an id', 'its entries, with their indexes: bulla audit list --bundle FOLDER');
  const { out } = context;
  const source = await auditSource(context, {});
  const bulla = await context.connect();
  const service =
    options.responder === undefined ? undefined : requireService(options.responder, await source.services());
  const found = await bulla.audit.get(index, { service });
  const { head, evidence } = found;
  if (options.json === true) return out.json({ ...entryAsJson(found, head !== undefined), evidence });
  const beholder = await beholderOf(context, source);
  out.line(styled(`entry ${groupedCount(index)} of the log of ${serviceShown(found.service)}`, 'strong'));
  out.table(rowsOf(found, beholder));
  if (head === undefined) out.line('–', ' newer than the newest signed checkpoint: ask again in a moment');
  else
    out.line(
      styled('✔', 'good'),
      ` it is in the tree of ${groupedCount(head.size)} entries that the service has signed`,
    );
}

function rowsOf({ entry, at, leaf, evidence }: ProvedEntry, beholder: Parameters<typeof actorShown>[1]): string[][] {
  if (entry === undefined) return [['leaf', leaf]];
  const facts = Object.entries(entry.obj as Readonly<Record<string, unknown>>);
  const optional = ['req' in entry ? ['nonce', entry.req] : [], ['request', entry.rid]];
  return [
    ['id', entry.id],
    ['at', at],
    ['act', entry.act],
    ['who', actorShown(entry, beholder)],
    ...('who' in entry && 'kid' in entry.who ? [['key', entry.who.kid]] : []),
    ['result', resultShown(entry)],
    ...facts.map(([name, value]) => [name, valueShown(value)]),
    ...optional.flatMap(([name, value]) => (name === undefined || value === undefined ? [] : [[name, value]])),
    ['evidence', evidenceText(entry, evidence)],
  ];
}

function evidenceText(entry: object, evidence: ProvedEntry['evidence']): string {
  if (!('ev' in entry)) return 'nobody signed a request for it';
  return evidence === null ? 'the service kept none, or erased it' : 'kept; `bulla audit verify` checks it';
}
