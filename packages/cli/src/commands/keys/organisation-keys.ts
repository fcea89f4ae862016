import type { ServiceKind } from '@bulla/client';
import { servicesOf } from '@bulla/client';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { jobLine, keyRows } from '../../output/key-screen.js';
import { counted, styled } from '../../output/output.js';
import { UsageError } from '../../input/usage-error.js';
import { watchJob } from '../jobs.js';

const AT_REST = ['root', 'kek'] as const;
const SERVICES = ['vault', 'responder', 'renewer'] as const;

interface RotateOptions {
  readonly new?: string;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly json?: boolean;
}

/** Every key of the organisation on one screen. */
export async function showKeys(context: Context): Promise<void> {
  const { out } = context;
  const bulla = await context.connect();
  const [standing, services] = [await bulla.keys.atRest(), await bulla.keys.ofServices()];
  if (context.asJson) return out.json({ ...standing, services });
  out.table(keyRows(standing, services, context.now()));
  if (standing.root.length === 0) out.talk('this vault has no root key (BULLA_ROOT_KEY): nothing can be managed here');
  for (const job of standing.jobs) out.line(jobLine(job));
  if (standing.pending > 0 && standing.jobs.length === 0)
    out.talk(`${standing.pending} data keys are under an older key; finish with: bulla keys rotate kek`);
}

/** Adds `bulla keys rotate`. */
export function addRotateCommand(keys: Command, context: Context): void {
  keys
    .command('rotate <what>')
    .description('replace a key while everything runs: root, kek, vault, responder or renewer')
    .option('--new <key>', 'with root: the key that follows, as BULLA_ROOT_KEY_NEXT of the vault names it')
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--wait', 'stay until it is done, with how far it has come')
    .option('--json', 'print the job, or what would be done, as JSON')
    .addHelpText(
      'after',
      `
root  the root key of the vault: everything under the old one goes under the new one. Put the new key where every process
      of the vault finds it (BULLA_ROOT_KEY_NEXT) first; the old one is needed until \`bulla keys status\` shows 0 objects.
kek   the key of the organisation: a new one is made, and every data key goes under it. It happens by itself every 90 days.
vault, responder, renewer
      the keys that a service signs and opens with: which steps are next, and their commands.

Examples:
  $ bulla keys rotate kek --dry-run
  $ bulla keys rotate kek --wait
  $ bulla keys rotate root --new file:/run/bulla/root-2.key
  $ bulla keys rotate responder`,
    )
    .action((what: string, options: RotateOptions) => rotate(context, what, options));
}

async function rotate(context: Context, what: string, options: RotateOptions): Promise<void> {
  const service = SERVICES.find((one) => one === what);
  if (service !== undefined) return explain(context, service, options);
  const kind = AT_REST.find((one) => one === what);
  if (kind === undefined)
    throw new UsageError(`there is no key called ${what}: expected root, kek, vault, responder or renewer`);
  const { new: to } = options;
  if ((kind === 'root') !== (to !== undefined))
    throw new UsageError(
      kind === 'root' ? '--new is missing: which root key follows' : '--new goes with root',
      'bulla keys rotate root --new file:/run/bulla/root-2.key',
    );
  if (options.dryRun === true) return foretell(context, kind, to);
  const bulla = await context.connect();
  const job = await bulla.keys.rotate({ what: kind, ...(to !== undefined && { to }) });
  if (options.wait === true) return watchJob(context, bulla, job.id);
  context.result(job, styled('✔', 'good'), ` begun: ${jobLine(job)}`);
  context.out.talk(`watch it with: bulla jobs watch ${job.id}`);
}

/** What a rotation would do, by how the keys stand now. */
async function foretell(context: Context, kind: 'root' | 'kek', to: string | undefined): Promise<void> {
  const { root, kek, pending, jobs } = await (await context.connect()).keys.atRest();
  const going = jobs.find(({ what }) => what === kind);
  const active = root.find(({ state }) => state === 'active');
  const next = root.find(({ state }) => state === 'pre-active');
  const newest = Math.max(0, ...kek.map(({ version }) => version));
  const all = kek.reduce((sum, { data_keys }) => sum + data_keys, 0);
  const plan =
    kind === 'kek'
      ? { what: kind, from: newest, to: newest + 1, moves: all, pending, job: going?.id ?? null }
      : {
          what: kind,
          from: active?.kid ?? null,
          to: next?.kid ?? null,
          moves: active?.objects ?? 0,
          named: to ?? null,
          job: going?.id ?? null,
        };
  const said =
    kind === 'kek'
      ? newest === 0
        ? 'would make KEK 1, the first: nothing is managed yet'
        : `would make KEK ${newest + 1} and put ${counted(all, 'data key')} under it; KEK ${newest} stays until nothing is under it and no backup needs it`
      : next === undefined
        ? 'would do nothing yet: no root key is staged; put it where BULLA_ROOT_KEY_NEXT of every process points'
        : `would put ${active?.objects ?? 0} keys of organisations under ${next.kid}; ${next.processes.without} processes of the vault do not hold it yet`;
  context.result(plan, going === undefined ? said : `goes on already: ${jobLine(going)}`);
}

/** Keys that a service signs and opens with are replaced by people who compare fingerprints: which step is next. */
async function explain(context: Context, what: ServiceKind, { json }: RotateOptions): Promise<void> {
  const trust = await (await context.connect()).trust();
  const [urn = what] = servicesOf(trust, what, context.now());
  const file = `${what}.new.json`;
  const steps = [
    `bulla keys generate ${file} --like ${what}.keys.json --signing${what === 'responder' ? ' --encryption' : ''}`,
    `mv ${file} ${what}.keys.json`,
    `bulla keys public ${what}.keys.json > ${what}.public`,
    `bulla trust accept ${what} --fingerprint … --keys ${what}.public`,
    `bulla trust retire ${what}`,
  ];
  if (json === true) return context.out.json({ what, urn, steps });
  for (const [index, step] of steps.entries()) context.out.line(`${index + 1}. ${step}`);
  context.out.talk(`${urn} never stops in all this, and each step can wait: docs/guide/people.md`);
}
