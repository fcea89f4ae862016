import { ROOT_ROLES } from '@bulla/client';
import { writeProfile } from '@bulla/client/node';
import type { Trust } from '@bulla/crypto';
import { fingerprint, keyState, parseDirectoryFreshness, timestampOf } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { CheckFailed } from '../../output/exit-code.js';
import type { Beholder } from '../../input/names.js';
import { shortName } from '../../input/names.js';
import type { Part } from '../../output/output.js';
import { styled } from '../../output/output.js';
import { UsageError } from '../../input/usage-error.js';
import { addAcceptCommand } from './trust-accept.js';
import { addTrustRenewCommand } from './trust-renew.js';
import { addRestoreCommands } from './trust-resume.js';
import { addRetireCommand } from './trust-retire.js';
import { addCosignCommand } from './trust-cosign.js';
import { addPublishCommand } from './trust-publish.js';
import { addRootCommands } from './trust-root.js';

interface PinOptions {
  readonly replace?: boolean;
  readonly json?: boolean;
}

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
  $ bulla trust renew                   (sign what is due; as a renewer, say what is the newest)
  $ bulla trust hand-back               (to a vault that was restored from a backup; then: bulla trust resume)
  $ bulla trust accept responder --fingerprint ab12:… --keys responder.public      (a responder has new keys)
  $ bulla trust root propose --replace directory      (a key that signs documents; then: bulla trust cosign, publish)`,
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
    .option('--json', 'print it as JSON')
    .action((pin: string | undefined, options: PinOptions) => pinned(context, pin, options));
  addTrustRenewCommand(trust, context);
  addAcceptCommand(trust, context);
  addRetireCommand(trust, context);
  addRestoreCommands(trust, context);
  addRootCommands(trust, context);
  addCosignCommand(trust, context);
  addPublishCommand(trust, context);
}

async function show(context: Context, asJson: boolean): Promise<void> {
  const { out } = context;
  const trust = await (await context.offline()).refreshTrust();
  const { org, pin, profile, root, policy, directory, directoryRef } = trust;
  const fresh = { until: timestampOf(trust.freshness.until), by: renewersOf(trust) };
  if (asJson) return out.json({ org, pin, profile, root, policy, directory, directory_hash: directoryRef.hash, fresh });
  const self = await context.beholder();
  const by = fresh.by.map((urn) => shortName(urn, self)).join(', ');
  out.table([
    ['organisation', `${org} (${profile})`],
    ['pin', pin],
    ['root', `version ${root.version}, of ${root.issued}, until ${root.expires}`],
    ...ROOT_ROLES.map((role) => [`${role} keys`, signedBy(root.roles[role])]),
    ['policy', `version ${policy.version}, until ${policy.expires}`],
    ['directory', `version ${directory.version}, until ${directory.expires}`],
    ['fresh', `until ${fresh.until}, by ${by === '' ? 'its signers' : by}`],
  ]);
  out.line();
  out.table([['WHO', 'KEY', 'FOR', 'SUITE', 'STATE'], ...keyRows(trust, self, context.now())]);
}

/** Which keys sign a kind of document. */
function signedBy({ kids, threshold }: Trust['root']['roles']['root']): string {
  return `signed by ${threshold} of ${kids.length}: ${kids.map((kid) => fingerprint(kid)).join(', ')}`;
}

/** Who calls the directory the newest; nobody has to while it is young. */
function renewersOf({ freshness }: Trust): string[] {
  return [...new Set(freshness.fresh.map((word) => parseDirectoryFreshness(word).claims.iss))];
}

function keyRows(trust: Trust, self: Beholder, now: number): string[][] {
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

async function pinned(context: Context, pin: string | undefined, { replace, json }: PinOptions): Promise<void> {
  const { out } = context;
  const profile = await context.profile();
  const say = (now: string, ...line: Part[]) => (json === true ? out.json({ pin: now }) : out.line(...line));
  if (pin === undefined) return say(profile.pin, profile.pin);
  if (!/^sha256:[0-9a-f]{64}$/.test(pin)) throw new UsageError('expected sha256: and 64 hexadecimal digits');
  if (pin === profile.pin) return say(pin, styled('✔', 'good'), ' this is the pinned root');
  if (replace !== true) throw new CheckFailed(`another root is pinned here: ${profile.pin} (check pin)`);
  await writeProfile(context.home, { ...profile, pin });
  say(pin, `pinned ${pin}`);
}
