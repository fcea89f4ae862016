import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { keysOfActor, requireService } from '../../input/audit-choice.js';
import { requireMoment } from '../../input/moments.js';
import { requirePromptName } from '../../input/names.js';
import { UsageError } from '../../input/usage-error.js';
import type { AuditBeholder } from '../../output/audit-words.js';
import { ENTRY_HEAD, entryAsJson, entryRow, SERVICES_WORD } from '../../output/audit-words.js';
import type { AuditSource, EntryChoice } from './audit-source.js';
import { auditSource } from './audit-source.js';

/** Options by which entries are chosen. */
export interface ChoiceOptions {
  readonly since?: string;
  readonly until?: string;
  readonly actor?: string;
  readonly act?: string;
  readonly object?: string;
  readonly prompt?: string;
  readonly result?: string;
  readonly responder?: string;
  readonly allServices?: boolean;
}

interface ListOptions extends ChoiceOptions {
  readonly limit: string;
  readonly bundle?: string;
  readonly pin?: string;
  readonly json?: boolean;
}

const LIMIT = 50;
const LIMIT_MAX = 100_000;
const RESULTS = ['ok', 'denied', 'error'] as const;

/** `bulla audit list` */
export function addListCommand(audit: Command, context: Context): void {
  withChoice(audit.command('list').description('entries of the log, the newest first'))
    .option('--limit <n>', `how many at most (default: ${LIMIT})`, String(LIMIT))
    .option('--bundle <folder>', 'read them from exported logs, which are verified each time')
    .option('--pin <sha256:…>', "with --bundle: the pin of the organisation's root (default: the profile's)")
    .option('--json', 'print each entry as a line of JSON')
    .addHelpText(
      'after',
      `
What a service shows is its word, and nothing of it is verified here: it says so, and with --json \`proved\` is false. \`bulla
audit verify\` shows that nothing was changed or taken away. With --bundle the folder is verified first.

Examples:
  $ bulla audit list --since 24h
  $ bulla audit list --actor ci --result denied
  $ bulla audit list --prompt claims/triage --all-services --limit 200
  $ bulla audit list --since 2026-11-01 --act envelope.issue --json | jq -r .entry.obj.envelope
  $ bulla audit list --bundle audit-2026-11 --act invocation.finish --all-services`,
    )
    .action((options: ListOptions) => list(context, options));
}

/** The options by which entries are chosen. */
export function withChoice(command: Command): Command {
  return command
    .option('--since <time>', 'from this moment on: 30m, 24h or 7d ago, or a date (2026-11-24, 2026-11-24T09:30Z)')
    .option('--until <time>', 'before this moment')
    .option('--actor <who>', 'what somebody asked for: a device, a person as they are called here, or a key')
    .option('--act <act>', 'one kind of act, such as envelope.issue')
    .option('--object <id>', 'what names this id: prm_…, env_…, inv_…, aud_…')
    .option('--prompt <name>', 'what is about this prompt')
    .option('--result <result>', 'what ended so: ok, denied or error')
    .option('--responder <id>', 'the log of this responder, and not that of the vault')
    .option('--all-services', 'the logs of the vault and of every responder, by time');
}

async function list(context: Context, options: ListOptions): Promise<void> {
  const { out } = context;
  const limit = requireLimit(options.limit);
  const source = await auditSource(context, options);
  const choice = await choiceOf(context, source, options);
  const found = await source.newest(choice, limit);
  if (options.json === true) {
    for (const entry of found) out.jsonLine(entryAsJson(entry, source.isVerified));
    return;
  }
  if (found.length === 0) return out.talk('no entry is like that');
  const beholder = await beholderOf(context, source);
  out.table([ENTRY_HEAD, ...found.map((entry) => entryRow(entry, beholder))]);
  if (!source.isVerified) out.talk(SERVICES_WORD);
  if (found.length === limit) out.talk(`the newest ${limit}; more with --limit, fewer with --since or --act`);
}

/** @throws {UsageError}; {NotFoundError} where there is no such prompt */
export async function choiceOf(context: Context, source: AuditSource, options: ChoiceOptions): Promise<EntryChoice> {
  const { since, until, actor, act, result } = options;
  const now = context.now();
  return {
    services: await servicesOf(source, options),
    since: since === undefined ? undefined : requireMoment('--since', since, now),
    until: until === undefined ? undefined : requireMoment('--until', until, now),
    actors: actor === undefined ? undefined : await keysOfActor(context, await source.trust(), actor),
    act: act === undefined ? undefined : requireAct(act),
    object: await objectOf(source, options),
    result: result === undefined ? undefined : requireResult(result),
  };
}

async function servicesOf(source: AuditSource, { responder, allServices }: ChoiceOptions): Promise<readonly string[]> {
  const services = await source.services();
  if (allServices === true) {
    if (responder !== undefined) throw new UsageError('--responder and --all-services do not go together');
    return services;
  }
  return responder === undefined ? services.slice(0, 1) : [requireService(responder, services)];
}

async function objectOf({ bulla }: AuditSource, { object, prompt }: ChoiceOptions): Promise<string | undefined> {
  if (prompt === undefined) return object === undefined ? undefined : requireId(object);
  if (object !== undefined) throw new UsageError('--prompt and --object do not go together');
  if (bulla === undefined)
    throw new UsageError('exported logs have no names of prompts', 'name it by its id: --object prm_…');
  return (await bulla.prompts.get(requirePromptName(prompt))).id;
}

/** As whom this command shows names; the services alone where this machine is nobody's device. */
export async function beholderOf(context: Context, source: AuditSource): Promise<AuditBeholder> {
  const trust = await source.trust();
  const isDevice = source.bulla !== undefined || (await context.hasIdentity());
  return { trust, by: isDevice ? await context.beholder() : '' };
}

function requireAct(text: string): string {
  if (/^[a-z]{2,16}\.[a-z-]{2,16}$/.test(text)) return text;
  throw new UsageError('--act: expected the name of an act, such as envelope.issue');
}

function requireResult(text: string): (typeof RESULTS)[number] {
  const found = RESULTS.find((one) => one === text);
  if (found !== undefined) return found;
  throw new UsageError(`--result: expected one of ${RESULTS.join(', ')}`);
}

/** @throws {UsageError} */
export function requireId(text: string): string {
  if (/^[a-z]{3}_[0-9a-z]{26}$/.test(text)) return text;
  throw new UsageError('expected an id: three letters, _ and 26 characters, such as env_01m8hakbanf7b8garf0rh9sjrr');
}

function requireLimit(text: string): number {
  const limit = /^[1-9][0-9]{0,5}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= LIMIT_MAX) return limit;
  throw new UsageError(`--limit: expected a number from 1 to ${LIMIT_MAX}`);
}
