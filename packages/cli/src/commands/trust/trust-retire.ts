import { fingerprint } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { adoptPublished, directoryKeyOption, directorySigner } from '../../input/directory-key.js';
import { NotThereError, UsageError } from '../../input/usage-error.js';
import { counted, styled } from '../../output/output.js';

interface Options {
  readonly yes?: boolean;
  readonly directoryKey?: string;
}

/** Names that are shown of those that lack a grant. */
const SHOWN_MAX = 10;

/** `bulla trust retire` */
export function addRetireCommand(trust: Command, context: Context): void {
  trust
    .command('retire [responder]')
    .description('seal nothing more to the older encryption keys of a responder')
    .option('--yes', 'do not ask before it is signed')
    .addOption(directoryKeyOption())
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
The last step of giving a responder a new encryption key beside the one that it has. It looks at every version first:
one that only an older key opens could not be run any more, and then nothing is signed. The older keys still open what
is sealed to them, so what is on its way ends well; their private halves can leave the responder's file a day later.

Examples:
  $ bulla trust retire
  $ bulla trust retire urn:bulla:acme:svc:responder:main --yes`,
    )
    .action((responder: string | undefined, options: Options) => retire(context, responder, options));
}

async function retire(context: Context, responder: string | undefined, options: Options): Promise<void> {
  const { out, asker } = context;
  const bulla = await context.connect();
  const trust = await bulla.trust();
  const urn = responderOf(trust.entitiesOf('responder'), responder);
  const plan = await bulla.people.planRetirement(urn);
  const [newest, older] = [fingerprint(plan.newest), plan.older.map(fingerprint)];
  if (older.length === 0) {
    context.result(
      documentOf(urn, newest, older, null),
      `nothing to retire: prompts are sealed to one key of ${urn}, ${newest}`,
    );
    return;
  }
  for (const { name, version } of plan.lacking.slice(0, SHOWN_MAX))
    out.talk(`lacks a grant for ${newest}: ${name}@${version}`);
  if (plan.lacking.length > 0) {
    const names = new Set(plan.lacking.map(({ name }) => name));
    throw new UsageError(
      `${counted(plan.lacking.length, 'version')} of ${counted(names.size, 'prompt')} would not run any more: sealed to an older key alone`,
      'for each prompt, an author runs `bulla prompt reseal NAME --all`',
    );
  }
  const signer = await directorySigner(context, trust, options.directoryKey);
  out.talk(`newest   ${newest}`);
  for (const one of older) out.talk(`retire   ${one}: every version that it opens, the newest opens too`);
  if (
    options.yes !== true &&
    !(await asker.agrees(`retire ${counted(older.length, 'key')} of ${urn}?`, 'say so with --yes'))
  )
    throw new UsageError('nothing was signed');
  const after = await bulla.people.retire(plan, signer);
  await adoptPublished(context, after);
  const { version } = after.directory;
  context.result(
    documentOf(urn, newest, older, version),
    styled('✔', 'good'),
    ` retired: ${older.join(', ')} of ${urn}`,
  );
  out.talk(`directory version ${version}; they only open what is sealed to them`);
}

function documentOf(responder: string, newest: string, retired: readonly string[], directory_version: number | null) {
  return { responder, newest, retired, directory_version };
}

function responderOf(all: readonly string[], given: string | undefined): string {
  if (given !== undefined && !all.includes(given))
    throw new NotThereError('the directory lists no such responder', '`bulla trust show` lists every one');
  if (given === undefined && all.length > 1)
    throw new UsageError('there are several responders: name one of them', all.join(', '));
  const [urn = given] = given === undefined ? all : [given];
  if (urn === undefined)
    throw new NotThereError('the directory lists no responder', '`bulla trust show` lists every one');
  return urn;
}
