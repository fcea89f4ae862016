import { movedProposal, ProposalDesk } from '@bulla/client';
import { FileTrustStore } from '@bulla/client/node';
import type { JudgedProposal } from '@bulla/crypto';
import { demandsOf, fingerprint, isComplete, parseProposal, PROPOSAL_MAX_BYTES, timestampOf } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { documentSigners } from '../../signing/document-keys.js';
import { readBytes, writeWhole } from '../../input/files.js';
import { UsageError } from '../../input/usage-error.js';
import { CheckFailed } from '../../output/exit-code.js';
import { styled } from '../../output/output.js';
import { demandLines, proposalLines } from '../../output/proposal-screen.js';
import { collect } from '../prompt/prompt.js';

export interface CosignOptions {
  readonly key?: readonly string[];
  readonly pin?: string;
  readonly offline?: boolean;
  readonly expect?: string;
  readonly yes?: boolean;
}

/** `bulla trust cosign` */
export function addCosignCommand(trust: Command, context: Context): void {
  trust
    .command('cosign <file>')
    .description('show what a proposal changes, and sign it with the keys that are here')
    .option('--key <file>', 'a key that signs (PEM, DER or JWK); those in BULLA_HOME unless given', collect)
    .option('--offline', 'ask no vault: by the pin, by what this machine remembers, and by what the file brings')
    .option('--pin <sha256:…>', 'of the organisation, where this folder has no profile; it goes with --offline')
    .option('--expect <sha256:…>', 'sign only if the proposal is this; nobody is asked where there is no terminal')
    .option('--yes', 'do not ask; needs --expect')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
It verifies that the proposal stands on what is trusted here, shows the whole change in words, asks, and writes the
signatures into the file. Of a version of a document one content is signed: another one only when nobody takes the first
any more. The directory under a root that is planned for later is signed in the last hour before it.

Examples:
  $ bulla trust cosign root-2.proposal
  $ bulla trust cosign root-2.proposal --key /media/stick/bob.key.pem --offline`,
    )
    .action((file: string, options: CosignOptions) => cosign(context, file, options));
}

async function cosign(context: Context, file: string, options: CosignOptions): Promise<void> {
  const { out } = context;
  const desk = await openDesk(context, file, options);
  const { signed, judged } = await signedHere(context, desk, file, options);
  const demands = await demandsOf(judged);
  for (const line of demandLines(demands)) out.talk(line);
  const complete = isComplete(demands);
  const document = { file, hash: `sha256:${judged.proposal.hash}`, signed, complete };
  const what = signed.map(({ kind, fingerprint: key }) => `${kind} with ${key}`).join(', ');
  context.result(
    document,
    styled('✔', 'good'),
    signed.length > 0 ? ` signed: ${what}` : ' nothing left to sign with the keys that are here',
  );
  if (complete) out.talk(`next: bulla trust publish ${file}`);
}

/** Where a proposal is read, and the text of the file, on the newest directory that can be known. */
export interface OpenDesk {
  readonly desk: ProposalDesk;
  readonly org: string;
  readonly text: string;
}

export async function openDesk(context: Context, file: string, options: CosignOptions): Promise<OpenDesk> {
  const { home, out } = context;
  const text = await readProposal(context, file);
  const proposal = await parseProposal(text);
  const place = await placeOf(context, proposal.org, options);
  // guard: cosign-organisation
  if (place.org !== proposal.org)
    throw new CheckFailed(`the proposal is of ${proposal.org}, and this folder of ${place.org} (check organisation)`);
  const desk = new ProposalDesk({ ...place, store: new FileTrustStore(home), now: () => context.now() });
  if (options.offline === true) return { desk, org: place.org, text };
  const newest = await (await context.offline()).catchUpTrust();
  const moved = await movedProposal(text, newest);
  if (moved !== undefined) out.talk(`note: its directory stands on version ${newest.directory.version} now`);
  return { desk, org: place.org, text: moved ?? text };
}

async function placeOf(context: Context, org: string, { pin, offline }: CosignOptions) {
  if (pin === undefined) {
    const profile = await context.profile();
    return { org: profile.org, pin: profile.pin };
  }
  if (offline !== true) throw new UsageError('--pin goes with --offline');
  if (!/^sha256:[0-9a-f]{64}$/.test(pin)) throw new UsageError('--pin: expected sha256: and 64 hexadecimal digits');
  return { org, pin };
}

async function readProposal({ io }: Context, file: string): Promise<string> {
  return Buffer.from(await readBytes(io, file, PROPOSAL_MAX_BYTES)).toString('utf8');
}

interface SignedHere {
  readonly signed: readonly { readonly kind: string; readonly version: number; readonly fingerprint: string }[];
  readonly judged: JudgedProposal;
}

/** Shows a proposal, asks, signs what the keys here can sign, and writes the file. */
export async function signedHere(
  context: Context,
  { desk, org, text }: OpenDesk,
  file: string,
  options: CosignOptions,
): Promise<SignedHere> {
  const { out } = context;
  const judged = await desk.read(text);
  const signers = await documentSigners(context, org, options.key ?? []);
  const plan = await desk.plan(
    judged,
    signers.map(({ kid }) => kid),
  );
  if (plan.directoryFrom !== undefined)
    out.talk(`note: the directory under it is signed from ${timestampOf(plan.directoryFrom)} on`);
  const self = (await context.hasIdentity()) ? await context.beholder() : '';
  const lines = [...proposalLines(judged, self), ...demandLines(await demandsOf(judged))];
  if (plan.added.length === 0) {
    for (const line of lines) out.talk(line);
    return { signed: [], judged };
  }
  await requireAgreement(
    context,
    judged,
    [...lines, ...plan.added.map((one) => `to sign: ${one.kind} version ${one.version} with ${fingerprint(one.kid)}`)],
    {
      ...options,
      again: againOf(file, options),
    },
  );
  const after = await desk.sign(judged, signers, plan);
  await writeWhole(file, after, 0o644);
  const signed = plan.added.map(({ kind, version, kid }) => ({ kind, version, fingerprint: fingerprint(kid) }));
  return { signed, judged: await desk.read(after) };
}

/** The command that was given, but for what agrees to it. */
function againOf(file: string, { key = [], offline, pin }: CosignOptions): string {
  const keys = key.flatMap((one) => ['--key', one]);
  const alone = offline === true ? ['--offline'] : [];
  return ['bulla trust cosign', file, ...keys, ...alone, ...(pin === undefined ? [] : ['--pin', pin])].join(' ');
}

/** Returns only if the proposal may be signed: somebody at the terminal agreed, or the command names it. */
async function requireAgreement(
  { out, asker, io }: Context,
  { proposal: { hash } }: JudgedProposal,
  lines: readonly string[],
  { expect, yes, again }: CosignOptions & { readonly again: string },
): Promise<void> {
  const named = `sha256:${hash}`;
  const isAsked = asker.isTerminal && io.stderr.isTTY === true && yes !== true;
  const print = (line: string) => (isAsked ? out.must(line) : out.talk(line));
  for (const line of lines) print(line);
  // guard: cosign-expect
  if (expect !== undefined && expect !== named)
    throw new CheckFailed(
      `the proposal is ${named}, which is not what --expect names: nothing was signed (check expect)`,
    );
  if (isAsked) {
    if (!(await asker.agrees('Sign this?'))) throw new UsageError('nothing was signed');
    return;
  }
  // guard: cosign-unseen
  if (expect === undefined)
    throw new UsageError(
      `nothing was signed: ${yes === true ? '--yes needs --expect' : 'there is no terminal to ask at'}`,
      `if what is shown is what you want to sign: ${again} --yes --expect ${named}`,
    );
}
