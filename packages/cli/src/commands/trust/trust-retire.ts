import type { OlderKey } from '@bulla/client';
import { serviceKindOf, servicesOf } from '@bulla/client';
import type { Trust } from '@bulla/crypto';
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

const SERVICES = ['vault', 'responder', 'renewer'] as const;
/** Names that are shown of those that lack a grant. */
const SHOWN_MAX = 10;

/** `bulla trust retire` */
export function addRetireCommand(trust: Command, context: Context): void {
  trust
    .command('retire [service]')
    .description('end the older keys of a vault, responder or renewer that has newer ones beside them')
    .option('--yes', 'do not ask before it is signed')
    .addOption(directoryKeyOption())
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
SERVICE is vault, responder, renewer, or the URN of one of several (default: responder).

The last step of giving a service new keys beside those that it has. It looks first. A service that still signs with an
older key would be believed by nobody: nothing is signed then. A renewer shows by its next round which key it has.
Nothing is signed either while an older key opens a version that the newest does not: it could not be run any more. The
responder moves what its older keys open to the newest by itself, and the vault counts once more. Older keys still verify
what they signed and open what is sealed to them, so what is on its way ends well; their private halves can leave the file
a day later.

Examples:
  $ bulla trust retire vault
  $ bulla trust retire urn:bulla:acme:svc:responder:main --yes`,
    )
    .action((service: string = 'responder', options: Options) => retire(context, service, options));
}

async function retire(context: Context, given: string, options: Options): Promise<void> {
  const { out, asker } = context;
  const bulla = await context.connect();
  const trust = await bulla.trust();
  const service = serviceOf(trust, given, context.now());
  const plan = await bulla.people.planRetirement(service);
  const retired = plan.older.map(({ kid, newest, use }) => ({
    fingerprint: fingerprint(kid),
    newest: fingerprint(newest),
    use,
  }));
  if (retired.length === 0) {
    context.result({ service, retired, directory_version: null }, `nothing to retire: ${service} has no older keys`);
    return;
  }
  for (const { name, version } of plan.lacking.slice(0, SHOWN_MAX))
    out.talk(`lacks a grant for ${newestOf(plan.older)}: ${name}@${version}`);
  if (plan.lacking.length > 0) {
    const names = new Set(plan.lacking.map(({ name }) => name));
    throw new UsageError(
      `${counted(plan.lacking.length, 'version')} of ${counted(names.size, 'prompt')} would not run any more: sealed to an older key alone`,
      'the responder moves them by itself, some hundreds a second: try again; for one that stays, an author runs `bulla prompt reseal NAME --all`',
    );
  }
  const signer = await directorySigner(context, trust, options.directoryKey);
  for (const one of retired)
    out.talk(
      one.use === 'sig'
        ? `retire   ${one.fingerprint}: ${service} signs with ${one.newest}`
        : `retire   ${one.fingerprint}: every version that it opens, ${one.newest} opens too`,
    );
  if (
    options.yes !== true &&
    !(await asker.agrees(`retire ${counted(retired.length, 'key')} of ${service}?`, 'say so with --yes'))
  )
    throw new UsageError('nothing was signed');
  const after = await bulla.people.retire(plan, signer);
  await adoptPublished(context, after);
  const { version } = after.directory;
  const names = retired.map((one) => one.fingerprint).join(', ');
  context.result(
    { service, retired, directory_version: version },
    styled('✔', 'good'),
    ` retired: ${names} of ${service}`,
  );
  out.talk(`directory version ${version}; they only verify, and open what is sealed to them`);
}

function newestOf(older: readonly OlderKey[]): string {
  return fingerprint(older.find(({ use }) => use === 'enc')?.newest ?? '');
}

function serviceOf(trust: Trust, given: string, now: number): string {
  const wanted = SERVICES.find((kind) => kind === given);
  if (wanted === undefined) {
    if (serviceKindOf(trust.entity(given)) === undefined)
      throw new NotThereError(
        'the directory lists no such vault, responder or renewer',
        '`bulla trust show` lists every one',
      );
    return given;
  }
  const [urn, ...others] = servicesOf(trust, wanted, now);
  if (urn === undefined)
    throw new NotThereError(`the directory lists no ${wanted}`, '`bulla trust show` lists every one');
  if (others.length > 0)
    throw new UsageError(`there are several ${wanted}s: name one of them`, [urn, ...others].join(', '));
  return urn;
}
