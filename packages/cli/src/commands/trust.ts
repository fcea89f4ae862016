import { BullaError, publishOrganisation } from '@bulla/client';
import type { Bulla } from '@bulla/client';
import { adoptSeenDocuments, renewOrganisation, writeProfile } from '@bulla/client/node';
import type { Trust } from '@bulla/crypto';
import { fingerprint, keyState } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { CheckFailed } from '../exit-code.js';
import { shortName } from '../names.js';
import { styled } from '../output.js';
import { UsageError } from '../usage-error.js';
import { addAcceptCommand } from './trust-accept.js';

/** `bulla trust …` */
export function addTrustCommands(program: Command, context: Context): void {
  const trust = program
    .command('trust')
    .description('the root that is pinned, and the keys that follow from it')
    .addHelpText(
      'after',
      `
Everything a command believes follows from one pin: the hash of the organisation's first root. Compare it with
somebody who has it, over another way than this network.

Examples:
  $ bulla trust pin                     (print it, to give it to others)
  $ bulla trust show                    (documents and keys, with their fingerprints)
  $ bulla trust renew                   (sign anew what is about to expire)
  $ bulla trust accept --fingerprint ab12:… --keys responder.public      (a responder has new keys)`,
    );
  trust
    .command('show')
    .description("the organisation's verified documents and keys")
    .option('--json', 'print them as JSON')
    .action((options: { json?: boolean }) => show(context, options.json === true));
  trust
    .command('pin [pin]')
    .description('print the pin, or check that this is the one')
    .option('--replace', 'trust this other root from now on')
    .action((pin: string | undefined, options: { replace?: boolean }) =>
      pinned(context, pin, options.replace === true),
    );
  trust
    .command('renew')
    .description('sign anew every document and label that has a third of its life left')
    .action(() => renew(context));
  addAcceptCommand(trust, context);
}

async function show(context: Context, asJson: boolean): Promise<void> {
  const { out } = context;
  const trust = await (await context.offline()).refreshTrust();
  const { org, pin, profile, root, policy, directory, directoryRef } = trust;
  if (asJson) return out.json({ org, pin, profile, root, policy, directory, directory_hash: directoryRef.hash });
  out.table([
    ['organisation', `${org} (${profile})`],
    ['pin', pin],
    ['root', `version ${root.version}, until ${root.expires}`],
    ['policy', `version ${policy.version}, until ${policy.expires}`],
    ['directory', `version ${directory.version}, until ${directory.expires}`],
  ]);
  out.line();
  const self = (await context.identity()).urn;
  out.table([['WHO', 'KEY', 'FOR', 'SUITE', 'STATE'], ...keyRows(trust, self, context.now())]);
}

function keyRows(trust: Trust, self: string, now: number): string[][] {
  return Object.entries(trust.directory.entities).flatMap(([urn, { keys }]) =>
    keys.map((key) => [
      shortName(urn, self),
      fingerprint(key.kid),
      key.pur.join(' '),
      key.suite,
      keyState(key, trust.isRevoked(key.kid), now),
    ]),
  );
}

async function pinned(context: Context, pin: string | undefined, replace: boolean): Promise<void> {
  const { out } = context;
  const profile = await context.profile();
  if (pin === undefined) return out.line(profile.pin);
  if (!/^sha256:[0-9a-f]{64}$/.test(pin)) throw new UsageError('expected sha256: and 64 hexadecimal digits');
  if (pin === profile.pin) return out.line(styled('✔', 'good'), ' this is the pinned root');
  if (!replace) throw new CheckFailed(`another root is pinned here: ${profile.pin} (check pin)`);
  await writeProfile(context.home, { ...profile, pin });
  out.line(`pinned ${pin}`);
}

async function renew(context: Context): Promise<void> {
  const { out } = context;
  const documents = await renewDocuments(context);
  const bulla = await context.connect();
  const labels = await renewLabels(bulla);
  for (const line of [...documents, ...labels]) out.line(line);
  if (documents.length + labels.length === 0) out.talk(styled('✔', 'good'), ' nothing is about to expire');
}

/** Documents can be signed only where their keys are; a vault that does not have the organisation yet gets it. */
export async function renewDocuments(context: Context): Promise<readonly string[]> {
  const { vaultUrl, org, pin } = await context.profile();
  await catchUp(context, org);
  const keptHashes = async () => (await context.offline()).directoryHashes();
  const own = await renewOrganisation(context.home, context.now(), keptHashes);
  if (own?.org !== org || own.pin !== pin) return [];
  const identity = await context.identity();
  await publishOrganisation({ ...own, vaultUrl, identity, fetch: context.io.fetch });
  return own.changes;
}

/** What is signed next stands on the newest that the vault shows; it may have none, or one that has just run out. */
async function catchUp(context: Context, org: string): Promise<void> {
  try {
    await (await context.offline()).catchUpTrust();
  } catch (error) {
    if (!(error instanceof BullaError) || error.code !== 'not_found') throw error;
  }
  await adoptSeenDocuments(context.home, org);
}

/** Signs anew the labels of every prompt that are about to expire; one line for each prompt that had some. */
export async function renewLabels(bulla: Bulla): Promise<string[]> {
  const lines: string[] = [];
  for await (const { name } of bulla.prompts.list()) {
    const labels = await bulla.prompts.renewLabels(name);
    if (labels.length > 0) lines.push(`labels of ${name} signed anew: ${labels.join(', ')}`);
  }
  return lines;
}
