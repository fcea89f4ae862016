import type { Bulla } from '@bulla/client';
import type { PolicySettings } from '@bulla/client/node';
import {
  adoptSeenDocuments,
  policySettings,
  requirePolicySettings,
  setFutureAside,
  signNextPolicy,
} from '@bulla/client/node';
import { CryptoError } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { directorySigner } from '../directory-key.js';
import { readText } from '../files.js';
import { styled } from '../output.js';
import { UsageError } from '../usage-error.js';
import { requireVaultClock } from '../vault-clock.js';
import { renewDocuments } from './trust-renew.js';

/** `bulla policy …` */
export function addPolicyCommands(program: Command, context: Context): void {
  const policy = program
    .command('policy')
    .description('what the organisation allows: who writes which names, who moves which labels')
    .addHelpText(
      'after',
      `
The policy is signed by the organisation and read by everybody; its format is in docs/spec/policy.md. A label is
protected by a rule such as
  "labels": { "production": { "groups": ["grp:authors"], "threshold": 2 } }
and then moves when two people of the group have signed.

Examples:
  $ bulla policy show > policy.json
  $ bulla policy set policy.json`,
    );
  policy
    .command('show')
    .description('print what the newest policy decides, as JSON')
    .action(() => show(context));
  policy
    .command('set <file>')
    .description('sign the next policy, and a directory that names it; where both keys are')
    .action((file: string) => set(context, file));
}

async function show(context: Context): Promise<void> {
  const { policy } = await (await context.connect()).trust();
  context.out.json(policySettings(policy));
}

async function set(context: Context, file: string): Promise<void> {
  const { io, out, home } = context;
  const settings = parse(await readText(io, file), file);
  const { vaultUrl } = await context.profile();
  await requireVaultClock(vaultUrl, io.fetch, () => context.now());
  const bulla = await context.connect();
  const before = await bulla.trust();
  await directorySigner(context, before, undefined);
  // What is signed stands on the newest that anybody published.
  await adoptSeenDocuments(home, before.org);
  for (const line of await setFutureAside(home, before.org, context.now())) out.talk(`note: ${line}`);
  try {
    await signNextPolicy(home, before.org, settings, context.now(), (line) => out.talk(`note: ${line}`));
  } catch (error) {
    if (error instanceof CryptoError)
      throw new UsageError(`${file}: ${error.message}`, 'its form is in docs/spec/policy.md');
    throw error;
  }
  await warnOfLabels(context, bulla, requirePolicySettings(settings));
  for (const change of await renewDocuments(context)) out.talk(styled('✔', 'good'), ` ${change}`);
  const { policy, directory } = await bulla.refreshTrust();
  if (policy.version === before.policy.version) return out.talk(styled('✔', 'good'), ' the policy says this already');
  out.line(`policy version ${policy.version}, named by directory version ${directory.version}`);
}

/** Before the directory that makes it count is signed: labels that are run no longer then, until somebody signs them. */
async function warnOfLabels({ out }: Context, bulla: Bulla, { labels }: PolicySettings): Promise<void> {
  for await (const { name } of bulla.prompts.list())
    for (const { label, given, needed } of await bulla.labels.belowRules(name, labels))
      out.talk(
        `note: ${name}@${label} has the signatures of ${given} of ${needed} people that its rule would ask for: until others confirm it, it is not run`,
      );
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${file} is not JSON`, 'begin with: bulla policy show > policy.json');
  }
}
