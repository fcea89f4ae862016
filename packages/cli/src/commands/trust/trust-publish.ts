import type { JudgedProposal } from '@bulla/crypto';
import { demandsOf, isComplete, mergeProposals, ROOT_TAKEN_SECONDS, timestampOf } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { adoptPublished } from '../../signing/directory-key.js';
import { UsageError } from '../../input/usage-error.js';
import { CheckFailed } from '../../output/exit-code.js';
import { styled } from '../../output/output.js';
import { demandLines } from '../../output/proposal-screen.js';
import { requireVaultClock } from '../../inspection/vault-clock.js';
import type { CosignOptions } from './trust-cosign.js';
import { openDesk, signedHere } from './trust-cosign.js';

/** `bulla trust publish` */
export function addPublishCommand(trust: Command, context: Context): void {
  trust
    .command('publish <file...>')
    .description('bring a proposal to the vault that all who must have signed')
    .option('--expect <sha256:…>', 'as with cosign, where its directory must be signed anew')
    .option('--yes', 'do not ask; needs --expect')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Several files are copies of one proposal that different people signed. A root goes to the vault with its policy and
directory in one request, and counts at once; its moment is waited for where it comes within 15 minutes. Where the
directory moved on since the proposal was written, that of the proposal is made anew on it, and the keys here sign it.

Examples:
  $ bulla trust publish root-2.proposal
  $ bulla trust publish root-2.bob.proposal root-2.carol.proposal`,
    )
    .action((files: string[], options: CosignOptions) => publish(context, files, options));
}

async function publish(context: Context, files: readonly string[], options: CosignOptions): Promise<void> {
  const { out, io } = context;
  const { vaultUrl } = await context.profile();
  await requireVaultClock(vaultUrl, io.fetch, () => context.now());
  const [first = '', ...others] = files;
  const desk = await openDesk(context, first, {});
  const texts = [desk.text];
  for (const file of others) texts.push((await openDesk(context, file, {})).text);
  const opened = { ...desk, text: await mergeProposals(texts) };
  const { judged } = await ready(context, opened, first, options);
  await waitFor(context, judged);
  const bulla = await context.offline();
  const trust = await bulla.keys.publish(judged);
  await adoptPublished(context, trust);
  const { root, policy, directory } = trust;
  const document = { root_version: root.version, policy_version: policy.version, directory_version: directory.version };
  context.result(
    document,
    styled('✔', 'good'),
    ` published: root version ${root.version}, policy version ${policy.version}, directory version ${directory.version}`,
  );
  if (judged.proposal.next.root !== undefined)
    out.talk('everybody takes it as soon as they look, services within a minute');
}

/** The proposal with every signature that it needs: what is still missing, the keys here give. */
async function ready(
  context: Context,
  opened: Awaited<ReturnType<typeof openDesk>>,
  file: string,
  options: CosignOptions,
): Promise<{ readonly judged: JudgedProposal }> {
  const judged = await opened.desk.read(opened.text);
  if (isComplete(await demandsOf(judged))) return { judged };
  const after = await signedHere(context, opened, file, options);
  const demands = await demandsOf(after.judged);
  // guard: publish-complete
  if (!isComplete(demands))
    throw new CheckFailed(`it cannot be published yet: ${demandLines(demands).join('; ')} (check proposal-signatures)`);
  return after;
}

async function waitFor(context: Context, { from }: JudgedProposal): Promise<void> {
  const left = from - context.now();
  if (left <= 0) return;
  // guard: publish-early without: if (left > ROOT_TAKEN_SECONDS) return;
  if (left > ROOT_TAKEN_SECONDS)
    throw new UsageError(`it is planned for ${timestampOf(from)}`, 'publish it in the last 15 minutes before, or then');
  context.out.talk(`waiting until ${timestampOf(from)}`);
  await new Promise((resolve) => setTimeout(resolve, left * 1000));
}
