import type { ResealedVersion, VersionsToSeal } from '@bulla/client';
import { BullaError } from '@bulla/client';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import type { Beholder } from '../../input/names.js';
import { requireNameAndVersion, requireVersion, shortName } from '../../input/names.js';
import { UsageError } from '../../input/usage-error.js';

interface ResealOptions {
  readonly version?: string;
  readonly labelled?: boolean;
  readonly all?: boolean;
  readonly json?: boolean;
}

/** `bulla prompt reseal` */
export function addResealCommand(prompt: Command, context: Context): void {
  prompt
    .command('reseal')
    .argument('<name>', 'the prompt, with @3 or @v3 behind it for that version')
    .description('seal versions to those who may have them and came after they were pushed')
    .option('--version <n>', 'this version (default: the newest)')
    .option('--labelled', 'every version that a label names')
    .option('--all', 'every version')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
A version is sealed to the keys that were there when it was pushed. Somebody who comes in later, and a responder with a
new key, cannot open it before somebody who can seals it to them, too. Who may have it stands in the version, signed by
its author: nobody else gets it. The text, its signature and all labels stay as they are.

An author of the name may do it. Ends with 5 if one of the versions is not sealed to this device.

Examples:
  $ bulla prompt reseal claims/triage --labelled     (somebody came in, or a responder has a new key)
  $ bulla prompt reseal claims/triage --version 1    (before several people go back to it)`,
    )
    .action((text: string, options: ResealOptions) => reseal(context, text, options));
}

async function reseal(context: Context, text: string, options: ResealOptions): Promise<void> {
  const { out } = context;
  const { name, which } = choiceOf(text, options);
  const { grants } = await context.connect();
  const done = await grants.reseal(name, which);
  const self = await context.beholder();
  if (options.json === true) out.json(done);
  else for (const one of done) out.line(`${name} v${one.version}  ${describe(one, self)}`);
  const unsealed = done.filter(({ state }) => state === 'unsealed').map(({ version }) => version);
  if (unsealed.length === 0) return;
  const subject = unsealed.length === 1 ? `version ${unsealed[0]} is` : `versions ${unsealed.join(', ')} are`;
  throw new BullaError('forbidden', {
    message: `${name} ${subject} not sealed to this device, which cannot seal to others what it cannot open`,
    origin: 'client',
    status: 403,
    details: { kind: 'unsealed', name, versions: unsealed },
  });
}

function choiceOf(
  text: string,
  { version, labelled, all }: ResealOptions,
): { readonly name: string; readonly which: VersionsToSeal } {
  const named = requireNameAndVersion(text, version === undefined ? undefined : String(requireVersion(version)));
  const { name } = named;
  const given = [named.version !== undefined, labelled === true, all === true].filter(Boolean).length;
  if (given > 1) throw new UsageError('a version, --labelled and --all exclude each other');
  if (labelled === true) return { name, which: 'labelled' };
  if (all === true) return { name, which: 'all' };
  return { name, which: named.version ?? 'newest' };
}

function describe(one: ResealedVersion, self: Beholder): string {
  const { barred = [] } = one;
  if (barred.length === 0) return described(one, self);
  const whom = barred.map((urn) => shortName(urn, self)).join(', ');
  return `${described(one, self)}; ${whom} still lacks it: an unfit grant of yours was taken back, so another holder gives it, or an admin clears it (bulla prompt unfit)`;
}

function described({ state, recipients, barred = [] }: ResealedVersion, self: Beholder): string {
  if (state === 'unsealed') return 'not sealed to this device';
  if (state === 'void') return 'passed over: its author may write this name no more, or the vault has lost it';
  if (state === 'earlier') return 'passed over: it was sealed before contents committed to their key; push it again';
  if (recipients.length === 0) return barred.length > 0 ? 'nobody got it' : 'nobody was missing';
  return `sealed to ${recipients.map((urn) => shortName(urn, self)).join(', ')}`;
}
