import type { Bulla } from '@bulla/client';
import { propose } from '@bulla/client';
import {
  adoptSeenDocuments,
  policySettings,
  requirePolicySettings,
  setFutureAside,
  signNextPolicy,
  tryPolicy,
} from '@bulla/client/node';
import { CryptoError } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { directorySigner } from '../signing/directory-key.js';
import { EXIT } from '../output/exit-code.js';
import { readText } from '../input/files.js';
import { counted, styled } from '../output/output.js';
import { consequencesOf } from '../output/policy-consequences.js';
import { writeProposal } from '../signing/proposals.js';
import { UsageError } from '../input/usage-error.js';
import { requireVaultClock } from '../inspection/vault-clock.js';
import { renewDocuments } from './trust/trust-renew.js';

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
  $ bulla policy test policy.json
  $ bulla policy set policy.json`,
    );
  policy
    .command('show')
    .description('print what the newest policy decides, as JSON')
    .option('--json', 'as without it: there is no other form')
    .action(() => show(context));
  policy
    .command('set [file]')
    .description('sign the next policy, and a directory that names it; where both keys are')
    .option('--chat <group...>', 'let these groups chat without a stored prompt, and no others; none for nobody')
    .option('--dry-run', 'say what would come of it, and sign nothing')
    .option('--yes', 'do not ask where something would come of it that is seldom wanted')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Before anything is signed it says which rules nobody could meet, which groups nobody is in, and which labels would not
be run any more, and asks. With --chat it takes the policy that is in force and changes who may chat, and nothing else.

Examples:
  $ bulla policy set policy.json --dry-run
  $ bulla policy set policy.json
  $ bulla policy set --chat grp:support`,
    )
    .action((file: string | undefined, options: SetOptions) => set(context, file, options));
  policy
    .command('test <file>')
    .description('say what would come of a policy; it takes no key')
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      '\nEnds with 0 if there is nothing to say, else with 1.\n\nExample:\n  $ bulla policy test policy.json',
    )
    .action(async (file: string) => {
      if (await test(context, file)) context.exitCode = EXIT.error;
    });
}

async function show(context: Context): Promise<void> {
  const { policy } = await (await context.connect()).trust();
  context.out.json(policySettings(policy));
}

interface SetOptions {
  readonly chat?: readonly string[];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** @returns whether there was something to say */
async function test(context: Context, file: string): Promise<boolean> {
  const { io, out } = context;
  const value = parse(await readText(io, file), file);
  const bulla = await context.connect();
  const { lines, isNew } = await weigh(context, bulla, value, file);
  if (context.asJson) out.json({ changed: isNew, notes: lines });
  else for (const line of lines) out.line(line);
  if (lines.length === 0 && !context.asJson)
    out.line(styled('✔', 'good'), isNew ? ' every rule can be met' : ' the policy says this already');
  return lines.length > 0;
}

/** What would come of a policy, and whether it says something else than the one that counts. */
async function weigh(
  context: Context,
  bulla: Bulla,
  value: unknown,
  file: string,
): Promise<{ readonly lines: readonly string[]; readonly isNew: boolean }> {
  const trust = await bulla.trust();
  const settings = await explained(file, () => tryPolicy(trust, value, context.now()));
  const isNew = JSON.stringify(settings) !== JSON.stringify(policySettings(trust.policy));
  return { lines: await consequencesOf(bulla, settings), isNew };
}

/** What is to be signed: what a file says, or the policy in force with other groups that may chat. */
async function wantedSettings(context: Context, file: string | undefined, chat: SetOptions['chat']) {
  if (chat === undefined && file !== undefined)
    return { settings: parse(await readText(context.io, file), file), of: file };
  if (chat === undefined || file !== undefined)
    throw new UsageError('give either a file or --chat', 'a file begins with: bulla policy show > policy.json');
  const { policy } = await (await context.connect()).trust();
  const isNobody = chat.length === 1 && chat[0] === 'none';
  return { settings: { ...policySettings(policy), chat: isNobody ? [] : [...chat] }, of: '--chat' };
}

async function set(context: Context, from: string | undefined, { chat, dryRun, yes }: SetOptions): Promise<void> {
  const { io, out, home, asker } = context;
  const { settings, of: file } = await wantedSettings(context, from, chat);
  const { vaultUrl } = await context.profile();
  await requireVaultClock(vaultUrl, io.fetch, () => context.now());
  const bulla = await context.connect();
  const before = await bulla.trust();
  const { lines, isNew } = await weigh(context, bulla, settings, file);
  const takesSeveral = (['policy', 'directory'] as const).some((role) => before.root.roles[role].threshold > 1);
  if (!takesSeveral) await directorySigner(context, before, undefined);
  for (const line of isNew || dryRun === true ? lines : []) out.must(`note: ${line}`);
  const version = before.policy.version;
  if (dryRun === true)
    return context.result(
      { signed: false, changed: isNew, notes: lines, policy_version: version + (isNew ? 1 : 0) },
      isNew
        ? `nothing was signed: policy version ${version + 1} could be`
        : 'nothing was signed: the policy says this already',
    );
  const question = `sign this policy, although there ${lines.length === 1 ? 'is' : 'are'} ${counted(lines.length, 'note')}?`;
  // guard: policy-consequences
  if (isNew && lines.length > 0 && yes !== true && !(await asker.agrees(question, 'say so with --yes')))
    throw new UsageError('nothing was signed');
  if (takesSeveral && isNew) {
    const { urn: by } = await context.identity();
    const trust = await bulla.catchUpTrust();
    const policy = requirePolicySettings(settings);
    return writeProposal(context, await propose(trust, { policy, by, why: `the policy of ${file}` }, context.now()));
  }
  // What is signed stands on the newest that anybody published.
  await adoptSeenDocuments(home, before.org);
  for (const line of await setFutureAside(home, before.org, context.now())) out.talk(`note: ${line}`);
  await explained(file, () =>
    signNextPolicy(home, before.org, settings, context.now(), (line) => out.talk(`note: ${line}`)),
  );
  for (const change of await renewDocuments(context)) out.talk(styled('✔', 'good'), ` ${change}`);
  const { policy, directory } = await bulla.refreshTrust();
  const signed = policy.version !== version;
  if (!signed) out.talk(styled('✔', 'good'), ' the policy says this already');
  const of = { signed, changed: isNew, notes: lines, policy_version: policy.version };
  if (context.asJson) return out.json({ ...of, directory_version: directory.version });
  if (signed) out.line(`policy version ${policy.version}, named by directory version ${directory.version}`);
}

/** A mistake of form is one of the file. */
async function explained<Value>(file: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CryptoError)
      throw new UsageError(`${file}: ${error.message}`, 'its form is in docs/spec/policy.md');
    throw error;
  }
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${file} is not JSON`, 'begin with: bulla policy show > policy.json');
  }
}
