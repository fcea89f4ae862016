import type { OlderKey } from '@bulla/client';
import { serviceKindOf, servicesOf } from '@bulla/client';
import type { Trust } from '@bulla/crypto';
import { fingerprint } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { orProposal } from '../../signing/proposals.js';
import { adoptPublished, directoryKeyOption, directorySigner } from '../../signing/directory-key.js';
import { NotThereError, UsageError } from '../../input/usage-error.js';
import { NOT_HELD_HINT } from '../../output/hints.js';
import { counted, styled } from '../../output/output.js';

interface Options {
  readonly yes?: boolean;
  readonly notHeld?: boolean;
  readonly directoryKey?: string;
  readonly unheard?: boolean;
}

const SERVICES = ['vault', 'responder', 'renewer'] as const;
/** A responder tries what came within seconds. */
const PATIENCE_MS = 30_000;
/** Names that are shown of those that lack a grant. */
const SHOWN_MAX = 10;

/** `bulla trust retire` */
export function addRetireCommand(trust: Command, context: Context): void {
  trust
    .command('retire [service]')
    .description('end the older keys of a vault, responder or renewer that has newer ones beside them')
    .option('--not-held', 'end as well what is listed and newer than any key that the service says it holds')
    .option('--yes', 'do not ask before it is signed')
    .addOption(directoryKeyOption())
    .option('--unheard', 'go by the list of the vault where the responder does not say what its newest key opens')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
SERVICE is vault, responder, renewer, or the URN of one of several (default: responder).

The last step of giving a service new keys beside those that it has. It looks first. A service that still signs with an
older key would be believed by nobody: nothing is signed then. A renewer shows by its next round which key it has.
Nothing is signed either while an older key opens a version that the newest does not: it could not be run any more. The
vault cannot tell whether a grant gives the key of its version, so the responder is asked which ones it has tried. The
responder moves what its older keys open to the newest by itself, and the vault counts once more. Older keys still verify
what they signed and open what is sealed to them, so what is on its way ends well; their private halves can leave the file
a day later.

If the directory lists a key that the service never got, or has lost, nothing is signed: the service would be left without
a key. Then put its file in place, or end that key with --not-held: the newest key that the service holds stays.

Examples:
  $ bulla trust retire vault
  $ bulla trust retire urn:bulla:acme:svc:responder:main --yes
  $ bulla trust retire vault --not-held`,
    )
    .action((service: string = 'responder', options: Options) => retire(context, service, options));
}

async function retire(context: Context, given: string, options: Options): Promise<void> {
  const { out, asker } = context;
  const bulla = await context.connect();
  const trust = await bulla.trust();
  const service = serviceOf(trust, given, context.now());
  const plan = await bulla.people.planRetirement(service, { endsNotHeld: options.notHeld, patienceMs: PATIENCE_MS });
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
      plan.notHeld.length > 0
        ? `the responder does not hold that key: ${notHeldHint(service)}`
        : 'the responder moves them by itself, some hundreds a second: try again; for one that stays, an author runs `bulla prompt reseal NAME --all`',
    );
  }
  if (plan.notHeld.length > 0)
    throw new UsageError(
      `${service} does not hold ${plan.notHeld.map((kid) => fingerprint(kid)).join(', ')}, and would be left without a key: nothing was signed`,
      notHeldHint(service),
    );
  for (const { name, version } of plan.untried.slice(0, SHOWN_MAX))
    out.talk(`not known to open with ${newestOf(plan.older)}: ${name}@${version}`);
  if (plan.untried.length > 0 && options.unheard !== true)
    throw new UsageError(
      plan.heard
        ? `${service} has not found that its newest key opens ${counted(plan.untried.length, 'version')}`
        : `${service} could not be asked whether its newest key opens ${counted(plan.untried.length, 'version')}`,
      plan.heard
        ? 'it tries what came within a minute, and takes back what is unfit: try again; `bulla prompt unfit` says who posted that'
        : 'start it and try again; to go by the list of the vault alone: --unheard',
    );
  const signer = await directorySigner(context, trust, options.directoryKey);
  for (const one of retired)
    out.talk(
      one.use === 'sig'
        ? `retire   ${one.fingerprint}: ${service} signs with ${one.newest}`
        : `retire   ${one.fingerprint}: every version that it opens, ${one.newest} opens too${plan.untried.length > 0 ? ', by the list of the vault alone' : ''}`,
    );
  if (
    options.yes !== true &&
    !(await asker.agrees(`retire ${counted(retired.length, 'key')} of ${service}?`, 'say so with --yes'))
  )
    throw new UsageError('nothing was signed');
  const after = await orProposal(context, () =>
    bulla.people.retire(plan, signer, { unheard: options.unheard === true }),
  );
  if (after === undefined) return;
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

function notHeldHint(service: string): string {
  return NOT_HELD_HINT.replace('SERVICE', service);
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
